"""What every stage and command shares."""

from __future__ import annotations

import io
import sys

import pytest
import typer

from stages.common import guarded


def test_a_terminal_without_our_characters_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="latin-1"))
    guarded(lambda: typer.echo("λ rises ─ slowly"))()
    sys.stdout.flush()
    assert shown.getvalue() == b"? rises ? slowly\n"
