"""For all tests: few threads and no telemetry, set before torch and MLflow are imported."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
_scratch = tempfile.TemporaryDirectory(prefix="dlfd-tests-")  # removed when the tests end
os.environ["DLFD_SALT_FILE"] = str(Path(_scratch.name) / "salt")  # not the checkout's own
sys.path.insert(0, str(Path(__file__).parent))  # tests/helpers.py


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, which may be absent
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Side by side (pytest -n 2): a file is one worker's, and so is the one pipeline run of the end-to-end tests."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "end to end" if nodeid.startswith("tests/end_to_end/") else nodeid.split("::")[0]

    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The end-to-end tests take longest and start first."""
    items.sort(key=lambda item: not _end_to_end(item))


def _end_to_end(item: pytest.Item) -> bool:
    return "end_to_end" in item.path.parts


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout, the current folder, whose salt is its own."""
    from pipeline import pseudonyms

    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    for name in ("DVC_ROOT", pseudonyms.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
