"""What `dlfd erase` and `dlfd scan` say, before and after."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.data.removal_tables import STAND_IN
from pipeline.erasure import purge, tombstones
from pipeline.erasure.requests import Request
from pipeline.erasure.scan import Report
from pipeline.erasure.tombstones import Traces
from pipeline.errors import EraseError
from pipeline.registry.version_purge import Remains
from stages.cli import erase
from stages.dvc_tools.purging import Kept

KEPT = Kept(Path("cache"), 0, 0, 0, [], {"bucket": "s3://bucket/faces"})


def request(letter: str) -> Request:
    return Request(f"20261121-{letter * 6}", letter, "2026-12-21", "", "received", "", [])


def plan(*along: Request) -> erase.Plan:
    due = purge.Due([request("a")], list(along), "faces/2")
    return erase.Plan(
        due, list(along), purge.Persons(frozenset("a"), 1, Traces()), {}, "", Remains(), KEPT, Traces(), ""
    )


@pytest.mark.usefixtures("checkout")
def test_the_dry_run_tells_what_is_closed_and_what_is_not_scanned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    erase._show(plan())
    told = capsys.readouterr().out
    assert "1 request(s); faces/2 stays in service." in told
    assert "  - remote bucket, s3://bucket/faces: cleaned by `dvc gc`, but not scanned" in told
    erase._show(plan(request("b")))
    assert "1 request(s), and 1 of persons who share pictures with them; faces/2" in capsys.readouterr().out


def test_what_is_open_and_stays_is_told_from_what_was_erased_before(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = [request(letter) for letter in "abc"]
    erase._note(waiting, waiting[:1])
    stays, closed = capsys.readouterr().err.splitlines()
    assert "2 open request(s) are not in service and stay" in stays
    assert "1 open request(s) are of persons who are erased already" in closed
    erase._note([])
    assert capsys.readouterr().err == ""


def test_a_scan_tells_what_it_did_not_look_into_also_in_the_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(files=3)
    erase._tell(report, KEPT)
    assert "remote bucket, s3://bucket/faces: cleaned by `dvc gc`, but not scanned" in capsys.readouterr().err
    assert erase._evidence(report, KEPT) == "3 files scanned, nothing found, 1 remote(s) not scanned"


@pytest.mark.usefixtures("checkout")
def test_what_stands_in_is_kept_out_of_the_store_with_the_erased() -> None:
    tombstones.add(erase._lines(Traces(persons=frozenset(["ann"]))))
    seal = tombstones.seal()
    held = {person: seal.holds(tombstones.PERSON, person) for person in ("ann", STAND_IN, "bob")}
    assert held == {"ann": True, STAND_IN: True, "bob": False}


def test_raw_data_that_cannot_be_rewritten_are_named_with_the_remedy() -> None:
    with pytest.raises(EraseError, match=r"^/faces cannot be rewritten .*see its rights"), erase._rewriting("/faces"):
        raise PermissionError(13, "Permission denied")
