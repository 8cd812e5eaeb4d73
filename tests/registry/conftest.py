"""A registry in SQLite for tests of what goes into service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import registry_checkout as tiny

from pipeline import layout
from pipeline.serving import served_model


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("promotion")
    with tiny.opened(folder) as patch:
        patch.setattr(served_model, "log", tiny.log)
        yield folder


@pytest.fixture
def name(store: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A registered model of this test alone, in a checkout whose ledgers are its own too."""
    yield "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    for path in (layout.REQUESTS, layout.PROGRESS):
        path.unlink(missing_ok=True)
