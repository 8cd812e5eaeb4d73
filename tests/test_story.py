"""The story says what it does and stops where something fails. What it does is run by `make drills`."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from doc_commands import ROOT
from PIL import Image
from typer.testing import CliRunner

from examples import story


def whole() -> typer.Typer:
    app = typer.Typer()
    app.command()(story.main)
    return app


class Stand(story.Story):
    """Notes commands in place of running them."""

    lines: list[str]

    def run(self, line: str) -> str:
        self.lines = [*getattr(self, "lines", []), line]
        return "public key ab12 (fingerprint cd)"

    def ask(self, picture: Path) -> dict[str, Any]:
        with Image.open(picture) as face:
            assert face.size == (96, 96)
        return {}

    def json(self, path: str) -> dict[str, Any]:
        if path.startswith("certificates"):
            return {"certificate": {"requests": [{"request": "r", "state": "in service", "audit": "rank .5"}]}}
        done = sum(line == "dvc repro" for line in self.lines)
        return {"accepted": "finetune", "version": done, "reasons": {}}


def told(folder: Path) -> list[str]:
    (folder / "local").mkdir()
    (folder / "params.yaml").write_text("unlearn: {start_from: original}\n")
    stand = Stand(folder)
    story.tell(stand)
    return stand.lines


def test_every_chapter_of_the_page_is_in_it(tmp_path: Path) -> None:
    """A request, dvc repro, the certificate, promotion, erasing, the next request: in this order."""
    lines = told(tmp_path)
    wanted = ["request add", "dvc repro", "models promote", "certificate verify", "erase", "erase --yes", "scan"]
    wanted += ["request add", "round start", "dvc repro", "models promote", "certificate verify"]
    places = iter(lines)
    assert all(any(line.endswith(one) or f"{one} " in line for line in places) for one in wanted), lines
    assert "start_from: champion" in (tmp_path / "params.yaml").read_text()


def test_its_commands_are_those_of_the_programs(tmp_path: Path) -> None:
    from test_docs import _parse_with_typer

    for line in told(tmp_path):
        program, *words = shlex.split(line)
        if program == "dlfd":
            _parse_with_typer(words)
        else:
            assert program in ("dvc", "git")


def test_a_step_that_fails_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(story.StepFailed, match="exit code 3"):
        story.Story(tmp_path).run("python -c 'raise SystemExit(3)'")
    monkeypatch.setattr(story, "prepare", lambda *_: None)
    monkeypatch.setattr(story, "tell", lambda one: one.run("python -c 'raise SystemExit(4)'"))
    done = CliRunner().invoke(whole(), ["--folder", str(tmp_path)])
    assert done.exit_code == 1
    assert "the story ends here" in done.output


def test_it_removes_nothing_but_an_earlier_story(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(story.StepFailed, match="move it away"):
        story.prepare(tmp_path, 5, {})
    assert (tmp_path / "letter.txt").exists()


def test_a_refusal_of_the_gate_ends_it(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    refused = {"accepted": None, "version": None, "reasons": {"finetune": ["it stands out"]}}
    (tmp_path / "reports/registration.json").write_text(json.dumps(refused))
    with pytest.raises(story.StepFailed, match="it stands out"):
        story.accepted(story.Story(tmp_path))


def test_make_knows_it() -> None:
    assert re.search(r"^story:.*\n\tpython -m examples\.story$", (ROOT / "Makefile").read_text(), re.MULTILINE)
