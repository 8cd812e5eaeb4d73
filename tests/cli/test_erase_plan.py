"""What `dlfd erase` says before anything goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.erasure import purge
from pipeline.erasure.requests import Request
from pipeline.erasure.tombstones import Traces
from pipeline.registry.version_purge import Remains
from stages.cli import erase_plan
from stages.cli.erase_plan import Plan
from stages.dvc_tools.purging import Kept

KEPT = Kept(Path("cache"), 0, 0, 0, [], {"bucket": "s3://bucket/faces"})


def request(letter: str) -> Request:
    return Request(f"20261121-{letter * 6}", letter, "2026-12-21", "", "received", "", [])


def plan(*along: Request) -> Plan:
    due = purge.Due([request("a")], list(along), "faces/2")
    return Plan(due, list(along), purge.Persons(frozenset("a"), 1, Traces()), {}, "", Remains(), KEPT, Traces(), "")


@pytest.mark.usefixtures("checkout")
def test_the_dry_run_tells_what_is_closed_and_what_is_not_scanned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    erase_plan.show(plan())
    told = capsys.readouterr().out
    assert "1 request(s); faces/2 stays in service." in told
    assert "  - remote bucket, s3://bucket/faces: cleaned by `dvc gc`, but not scanned" in told
    erase_plan.show(plan(request("b")))
    assert "1 request(s), and 1 of persons who share pictures with them; faces/2" in capsys.readouterr().out


def test_what_is_open_and_stays_is_told_from_what_was_erased_before(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = [request(letter) for letter in "abc"]
    erase_plan._note(waiting, waiting[:1])
    stays, closed = capsys.readouterr().err.splitlines()
    assert "2 open request(s) are not in service and stay" in stays
    assert "1 open request(s) are of persons who are erased already" in closed
    erase_plan._note([])
    assert capsys.readouterr().err == ""
