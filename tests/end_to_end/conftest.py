"""A clone of the working tree in which the whole pipeline ran once on tiny faces; tests work on copies of it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from checkouts import Checkout, Done
from filelock import FileLock

PROJECT = Path(__file__).parents[2]
DATA = {"kind": "synthetic", "seed": 0, "persons": 150, "images_per_person": 2, "image_size": 32}
SETTINGS = {
    "data.image_size": 32,
    "validate.min_images_per_class": 0,
    "validate.min_images_per_subset": 5,
    "validate.max_label_shift": 1.0,
    "train.epochs": 2,
    "train.batch_size": 32,
    "finetune.epochs": 1,
    "neggrad.epochs": 1,
    "dlfd.check_every": 2,
    "evaluate.attack_folds": 3,
    "evaluate.bootstrap": 50,
    "audit.relearn_steps": 5,
    "register.min_nomus": 0.0,  # so that something is registered
    "register.max_forgetting_score": 1.0,
    "register.max_accuracy_drop": 1.0,
}
PATHS_IN_MLFLOW = (  # where its database keeps the place of the checkout
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


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
            done = _fresh(shared / "fresh").dvc("repro")
            told.write_text(json.dumps(asdict(done)), encoding="utf-8")
    return Done(**json.loads(told.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def copied(
    first_run: Done, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Checkout]]:
    """Makes a copy of the clone after its first run; the names given are left out of it."""
    made: list[Path] = []
    origin = shared / "fresh"

    def copy(*without: str) -> Checkout:
        made.append(tmp_path_factory.mktemp("copy"))
        root = made[-1] / "copy"
        shutil.copytree(origin, root, ignore=shutil.ignore_patterns(*without), symlinks=True)
        if (root / "mlflow.db").exists():
            _move_mlflow(root / "mlflow.db", str(origin), str(root))
        return Checkout(root)

    yield copy
    for folder in made:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def reproduced(copied: Callable[..., Checkout]) -> Checkout:
    """A copy that a worker's tests share. Read it; to change something, take one of your own."""
    return copied()


def _fresh(root: Path) -> Checkout:
    """What `git clone` gives of the working tree, with tiny settings: nothing has run, no cache, no remote."""
    checkout = Checkout(root)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file() and not name.startswith("tests/"):
            (checkout.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, checkout.root / name)
    described = checkout.root / "datasets/synthetic/dataset.yaml"
    described.write_text(yaml.safe_dump(DATA), encoding="utf-8")
    checkout.set(**{name.replace(".", "__"): value for name, value in SETTINGS.items()})
    checkout.run("git", "init", "--quiet", "--initial-branch", "main")
    for name, value in (("user.name", "Tester"), ("user.email", "tester@example.org")):
        checkout.run("git", "config", name, value)
    checkout.commit()
    return checkout


def _move_mlflow(database: Path, old: str, new: str) -> None:
    """MLflow keeps absolute paths: without this the copy's artifacts would land beside the original's."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in PATHS_IN_MLFLOW:
            connection.execute(f"UPDATE {table} SET {column} = REPLACE({column}, ?, ?)", (old, new))
