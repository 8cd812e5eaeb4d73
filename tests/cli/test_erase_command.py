"""What `dlfd erase` and `dlfd scan` say while they work and after."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.data.removal_tables import STAND_IN
from pipeline.erasure import tombstones
from pipeline.erasure.scan import Report
from pipeline.erasure.tombstones import Traces
from pipeline.errors import EraseError
from stages.cli import erase
from stages.dvc_tools.purging import Kept

KEPT = Kept(Path("cache"), 0, 0, 0, [], {"bucket": "s3://bucket/faces"})


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
