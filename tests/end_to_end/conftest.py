"""A clone of the working tree in which the whole pipeline ran once on tiny faces; tests work on copies of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import fresh
import pytest
from checkouts import Checkout, Done
from filelock import FileLock


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the whole run of tests, that of all workers where they are side by side."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def first_run(shared: Path) -> Done:
    """`dvc repro` in a fresh clone, once for all workers; nobody touches the clone after it."""
    told = shared / "first_run.json"
    with FileLock(shared / "first_run.lock"):
        if not told.exists():
            done = fresh.clone(shared / "fresh").dvc("repro")
            told.write_text(json.dumps(asdict(done)), encoding="utf-8")
    return Done(**json.loads(told.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def copied(
    first_run: Done, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Checkout]]:
    """Makes a copy of the clone after its first run; the names given are left out of it."""
    made: list[Path] = []
    origin = Checkout(shared / "fresh")

    def copy(*without: str) -> Checkout:
        made.append(tmp_path_factory.mktemp("copy"))
        return origin.copy(made[-1] / "copy", *without)

    yield copy
    for folder in made:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def reproduced(copied: Callable[..., Checkout]) -> Checkout:
    """A copy that a worker's tests share. Read it; to change something, take one of your own."""
    return copied()
