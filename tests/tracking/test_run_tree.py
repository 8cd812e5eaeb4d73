"""What is written of parameters and of the code's revision."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from pipeline.tracking import run_tree


def test_long_values_and_nested_parameters() -> None:
    assert run_tree.flatten({"a": {"b": {"c": 1}}, "d": [1]}) == {"a.b.c": 1, "d": [1]}
    assert run_tree.text([1, "x"]) == "1, x"
    assert len(run_tree.text("x" * 100_000)) < 6000


def test_the_revision_says_where_the_code_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert run_tree.revision() == ""
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline/a.py").write_text("a = 1\n")
    (tmp_path / "dvc.lock").write_text("1\n")
    who = ["-c", "user.name=x", "-c", "user.email=x@y.z"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", *command], check=True)
    head = run_tree.revision()
    assert len(head) == 40
    (tmp_path / "dvc.lock").write_text("2\n")
    assert run_tree.revision() == head
    (tmp_path / "pipeline/a.py").write_text("a = 2\n")
    assert run_tree.revision() == f"{head}-dirty"


def test_every_stage_that_opens_a_run_says_what_it_is() -> None:
    """And nothing else does."""
    opened = set()
    for file in (Path(__file__).parents[2] / "stages").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "stage_runs.stage_run":
                opened.add(ast.literal_eval(node.args[0]))
    assert opened == set(run_tree.NOTES)
