"""Throw-away clones of this repository, with caches, ledger, salt and MLflow store of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.dvc_tools import experiments

RUN = ("pipeline", "stages", "params.yaml", "dvc.yaml", "data.dvc", "datasets")  # what a run's outcome is of
OURS = ("MLFLOW_", "DVC_", "DLFD_", "GIT_")  # what would lead a clone's commands back to where they were started


def clone(root: Path) -> None:
    """What is committed here, at a place that is not there yet.

    Raises:
        subprocess.CalledProcessError: git fails, and says why.
    """
    subprocess.run(["git", "clone", "--quiet", ".", str(root)], check=True)


def commit(root: Path) -> str:
    """Of the code of a clone, which is not that of this checkout where the clone is older."""
    return experiments.git("rev-parse", "--short=12", "HEAD", folder=root).strip()


def code() -> str:
    """Of what a clone made now would run, and on which data: what is committed, but for words in README.md."""
    told = experiments.git("rev-parse", *(f"HEAD:{path}" for path in RUN))
    return " ".join(one[:12] for one in told.split())


def environment(root: Path) -> dict[str, str]:
    """In which commands work on a clone, with its code and not with that which is installed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "GX_ANALYTICS_ENABLED": "false"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    site = str(root.parent / f"{root.name}-site-cache")
    return {**kept, **quiet, "PATH": path, "PYTHONPATH": str(root), "DVC_SITE_CACHE_DIR": site}


def configure(root: Path, values: Mapping[str, Any]) -> None:
    """Change params.yaml of a clone: `section.key` -> value."""
    from ruamel.yaml import YAML

    editor = YAML()
    editor.width = 120
    path = root / "params.yaml"
    params = editor.load(path.read_text(encoding="utf-8"))
    for name, value in values.items():
        section, _, key = name.rpartition(".")
        (params[section] if section else params)[key] = editor.load(json.dumps(value))  # lists stay on their line
    with path.open("w", encoding="utf-8") as file:
        editor.dump(params, file)


def setting(text: str) -> tuple[str, Any]:
    """`section.key=value` as DVC's -S takes it."""
    from ruamel.yaml import YAML

    name, _, value = text.partition("=")
    return name, YAML(typ="safe").load(value)
