"""A clone of the working tree in which the whole pipeline ran once on tiny faces; tests work on copies of it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from checkouts import Checkout, Done

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
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """What `git clone` gives of the working tree, with tiny settings: nothing has run, no cache, no remote."""
    folder = tmp_path_factory.mktemp("clone")
    checkout = Checkout(folder / "fresh")
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
    yield checkout
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def first_run(fresh: Checkout) -> Done:
    """`dvc repro` in the fresh clone."""
    return fresh.dvc("repro")


@pytest.fixture(scope="session")
def reproduced(fresh: Checkout, first_run: Done) -> Checkout:
    """The clone after `dvc repro`. Read it; to change something, take a copy."""
    return fresh


@pytest.fixture(scope="session")
def copied(reproduced: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Checkout]]:
    """Makes a copy of the reproduced clone; the names given are left out of it."""
    made: list[Path] = []

    def copy(*without: str) -> Checkout:
        made.append(tmp_path_factory.mktemp("copy"))
        root = made[-1] / "copy"
        shutil.copytree(reproduced.root, root, ignore=shutil.ignore_patterns(*without), symlinks=True)
        if (root / "mlflow.db").exists():
            _move_mlflow(root / "mlflow.db", str(reproduced.root), str(root))
        return Checkout(root)

    yield copy
    for folder in made:
        shutil.rmtree(folder)


def _move_mlflow(database: Path, old: str, new: str) -> None:
    """MLflow keeps absolute paths: without this the copy's artifacts would land beside the original's."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in PATHS_IN_MLFLOW:
            connection.execute(f"UPDATE {table} SET {column} = REPLACE({column}, ?, ?)", (old, new))
