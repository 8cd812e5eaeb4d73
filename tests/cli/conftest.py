"""A checkout in which `dlfd table` runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from table_runs import ROOT, Dvc, git

from stages.cli import table


@pytest.fixture
def dvc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dvc:
    """A committed checkout, in which the test stands."""
    (tmp_path / ".dvc").mkdir()
    for name in ("params.yaml", "dvc.yaml", "data.dvc"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("pipeline/code.py", "stages/code.py", "erasure/sides.csv", "datasets/synthetic/dataset.yaml"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("one = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    git("init", "-q")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    git("add", "-A")
    git("commit", "-qm", "start")
    stand_in = Dvc()
    monkeypatch.setattr(table.subprocess, "run", stand_in)
    return stand_in
