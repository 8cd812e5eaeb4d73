"""A checkout with an MLflow database of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow_runs import LIMITS, VARIABLES


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout with an MLflow database of its own, as the working folder."""
    folder = tmp_path_factory.mktemp("checkout")
    with pytest.MonkeyPatch.context() as patch:
        for name in (*VARIABLES, *LIMITS):
            patch.delenv(name, raising=False)
        patch.chdir(folder)
        (folder / ".dvc").mkdir()
        (folder / "params.yaml").write_text("seed: 3\nsplit: {forget_persons: [p1, p2]}\n")
        yield folder
        for name in LIMITS:
            os.environ.pop(name, None)


@pytest.fixture
def experiment(checkout: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """An execution of the pipeline that belongs to this test alone."""
    name = request.node.name
    monkeypatch.setenv("DVC_EXP_NAME", name)
    return name
