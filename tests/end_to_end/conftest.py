"""A clone of the working tree in which the whole pipeline ran once on tiny faces; tests work on copies of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
FOREIGN = ("DVC_", "MLFLOW_", "DLFD_", "GIT_", "PYTHONPATH")  # of whoever runs the tests
DATA = {"kind": "synthetic", "seed": 0, "persons": 90, "images_per_person": 2, "image_size": 16}
SETTINGS = {
    "data.image_size": 16,
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


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def stages(self) -> list[str]:
        """Those that DVC ran, in their order."""
        return re.findall(r"^Running stage '(.+?)'", self.out, re.MULTILINE)


@dataclass(frozen=True)
class Checkout:
    """A clone of the project."""

    root: Path

    def environment(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "OMP_NUM_THREADS": "2",
            "OMP_WAIT_POLICY": "passive",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GX_ANALYTICS_ENABLED": "false",
            "DVC_SITE_CACHE_DIR": str(self.root.parent / "site-cache"),
            **more,
        }

    def run(self, *command: str, check: bool = True, **environment: str) -> Done:
        ended = subprocess.run(
            command, cwd=self.root, env=self.environment(**environment), capture_output=True, text=True, timeout=400
        )
        told = f"{' '.join(command)} exited with {ended.returncode}\n{ended.stdout[-4000:]}\n{ended.stderr[-4000:]}"
        assert not check or ended.returncode == 0, told
        return Done(ended.returncode, ended.stdout, ended.stderr)

    def dvc(self, *arguments: str, check: bool = True) -> Done:
        return self.run(sys.executable, "-m", "dvc", *arguments, check=check)

    def stage(self, name: str, *arguments: str, **environment: str) -> Done:
        """A stage on its own, without DVC; MLflow is told only where the environment says so."""
        environment = {"DLFD_TRACKING": "off", **environment}
        return self.run(sys.executable, "-m", f"stages.{name}", *arguments, check=False, **environment)

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "as it is")

    def set(self, **values: Any) -> None:
        """Change params.yaml; a section's key is written `section__key`."""
        path = self.root / "params.yaml"
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, value in values.items():
            *sections, key = name.split("__")
            place = params
            for section in sections:
                place = place[section]
            place[key] = value
        path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")

    def json(self, path: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.root / path).read_text(encoding="utf-8"))
        return told

    def weights(self, model: str) -> str:
        """Hash of a model's weights."""
        return hashlib.sha256((self.root / f"workspace/models/{model}/model.safetensors").read_bytes()).hexdigest()

    def contents(self, folder: str) -> dict[str, str]:
        """Hash of every file below a folder."""
        files = sorted(path for path in (self.root / folder).rglob("*") if path.is_file() and not path.is_symlink())
        return {str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    @property
    def mlflow(self) -> Any:
        import mlflow

        return mlflow.MlflowClient(f"sqlite:///{self.root / 'mlflow.db'}")

    def mlflow_runs(self) -> tuple[list[Any], list[Any]]:
        """The parents and the children, oldest first."""
        experiment = self.mlflow.get_experiment_by_name("face-unlearning").experiment_id
        found = self.mlflow.search_runs([experiment], order_by=["attributes.start_time ASC"])
        parents = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
        return parents, [run for run in found if "mlflow.parentRunId" in run.data.tags]


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
