"""The registered model that a command means, and that a command says where it works."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pipeline.errors import RegistryError
from stages.cli.registered import resolve

COMMANDS = Path(__file__).parents[2] / "stages/cli"


def test_a_name_is_resolved_where_the_command_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a checkout's subfolder it would be another params.yaml: whoever wants the root goes there."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "below").mkdir()
    (tmp_path / "below/params.yaml").write_text("register: {model_name: mine}\n")
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("DLFD_TRACKING", raising=False)
    assert (resolve(), resolve("theirs")) == ("mine", "theirs")
    assert Path.cwd() == tmp_path / "below"
    monkeypatch.setenv("DLFD_TRACKING", "off")
    with pytest.raises(RegistryError, match="DLFD_TRACKING=off hides the registry"):
        resolve("theirs")


def test_a_command_goes_to_the_root_before_it_asks_for_the_registry() -> None:
    found = set()
    for file in COMMANDS.glob("*.py"):
        for command in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(command, ast.FunctionDef):
                calls = [node for node in ast.walk(command) if isinstance(node, ast.Call)]
                lines = {ast.unparse(call.func): call.lineno for call in calls}
                if "resolve" in lines:
                    assert lines.get("os.chdir", lines["resolve"]) < lines["resolve"], command.name
                    found.add(command.name)
    assert found == {"list_versions", "promote", "rollback", "history", "issue", "erase", "start"}
