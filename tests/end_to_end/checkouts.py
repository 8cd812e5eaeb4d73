"""A clone of the project, and what can be asked of it and done in it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PATHS_IN_MLFLOW = (  # where its database keeps the place of the checkout
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
FOREIGN = ("DVC_", "MLFLOW_", "DLFD_", "GIT_", "PYTHONPATH")  # of whoever runs the tests


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


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to what `Checkout.start` has started and all that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@dataclass(frozen=True)
class Checkout:
    """A clone of the project."""

    root: Path

    def copy(self, root: Path, *without: str) -> Checkout:
        """A copy at a place that is not there yet; files and folders of these names are left out of it."""
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns(*without), symlinks=True)
        if (root / "mlflow.db").exists():
            _move_mlflow(root / "mlflow.db", str(self.root), str(root))
        return Checkout(root)

    def environment(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "OMP_NUM_THREADS": os.environ["OMP_NUM_THREADS"],
            "OMP_WAIT_POLICY": "passive",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GX_ANALYTICS_ENABLED": "false",
            "DVC_SITE_CACHE_DIR": str(self.root.parent / "site-cache"),
            **more,
        }

    def run(self, *command: str, check: bool = True, **environment: str) -> Done:
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:  # a daemon would keep pipes open
            ended = subprocess.run(
                command, cwd=self.root, env=self.environment(**environment), stdout=out, stderr=err, timeout=900
            )
            told = []
            for file in (out, err):
                file.seek(0)
                told.append(file.read())
        shown = "\n".join(text[-4000:] for text in told)
        assert not check or ended.returncode == 0, f"{' '.join(command)} exited with {ended.returncode}\n{shown}"
        return Done(ended.returncode, *told)

    def start(self, *command: str, log: Path, **environment: str) -> subprocess.Popen[bytes]:
        """A command that goes on, in a process group of its own, so that all it starts can be killed with it.

        Args:
            log: gets what it says.
        """
        with log.open("wb") as said:
            return subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment(**environment),
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

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


def accepted(checkout: Checkout) -> dict[str, Any]:
    """What `register` told, of a run whose model the gate let pass: else nothing that comes after it is tested."""
    told = checkout.json("reports/registration.json")
    assert told["accepted"], (
        f"the gate refused every method; sizes or knobs of this test must change: {told['reasons']}"
    )
    return dict(told)


def _move_mlflow(database: Path, old: str, new: str) -> None:
    """MLflow keeps absolute paths: without this the copy's artifacts would land beside the original's."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in PATHS_IN_MLFLOW:
            connection.execute(f"UPDATE {table} SET {column} = REPLACE({column}, ?, ?)", (old, new))
