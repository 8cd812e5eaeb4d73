"""Whom to erase: only who is forgotten in service, with the whole unit, and again after a run that was killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_data import draw

from pipeline import layout, pseudonyms
from pipeline.data import sources, store
from pipeline.erasure import intake, ledger, purge, requests, tombstones
from pipeline.erasure.intake import Ask
from pipeline.erasure.ledger import Event
from pipeline.errors import ConfigError, EraseError, RequestError
from pipeline.settings import DataSettings

pytestmark = pytest.mark.usefixtures("checkout")
MODEL = "faces/2"


@pytest.fixture(autouse=True)
def faces(checkout: Path) -> store.Store:
    """bob has a picture that also shows under another key."""
    rows = ["path,person,gender"]
    for number, person in enumerate(("ann", "ann", "bob", "bobby", "cat")):
        draw(layout.RAW / f"{number}.png", number if person != "bobby" else 2)
        rows.append(f"{number}.png,{person},{number % 2}")
    (layout.RAW / "manifest.csv").write_text("\n".join(rows) + "\n")
    return store.build(sources.read(layout.RAW), layout.FACES, DataSettings(image_size=16))


def ask(*persons: str) -> list[requests.Request]:
    return intake.add([Ask(person) for person in persons], store.open(layout.FACES).table).requests


def serve(*asked: requests.Request, model: str = MODEL) -> None:
    events = [Event(one.id, ledger.IN_SERVICE, one.person, model=model, time=ledger.now()) for one in asked]
    ledger.append(requests.progress_file(), lambda known: events)


def test_only_what_the_champion_has_forgotten_is_ready() -> None:
    ann, bob, cat = ask("ann", "bob", "cat")
    serve(ann)
    serve(bob, model="faces/1")
    due = purge.due(MODEL)
    assert [one.id for one in due.ready] == [ann.id]
    assert {one.id for one in due.waiting} == {bob.id, cat.id}
    assert purge.due("").ready == []


def test_the_whole_unit_goes_with_everything_that_shows_it(faces: store.Store) -> None:
    (bob,) = ask("bob")
    found = purge.persons([bob])
    assert found.keys == {"bob", "bobby"}
    assert found.images == 2
    assert found.traces.pictures == {faces.table["content"][2]}
    assert found.traces.pixels == {store.content_hash(faces.images[2])}


def test_after_a_kill_the_tombstones_say_who_it_was() -> None:
    (ann,) = ask("ann")
    tombstones.add(purge.persons([ann]).traces.digests(pseudonyms.load()))
    store.build(sources.read(layout.RAW), layout.FACES, DataSettings(image_size=16), tombstones.seal().holds)
    assert purge.persons([ann]).keys == frozenset()
    assert requests.open_by_id(["bob", "bobby", "cat"]) == {}, "the split goes on without ann"
    (layout.FACES / store.INFO).unlink()
    assert purge.persons([ann]).keys == frozenset()


def test_somebody_of_other_data_is_not_taken_for_erased() -> None:
    (ann,) = ask("ann")
    only_cat = store.open(layout.FACES).table
    only_cat[only_cat["person"] == "cat"].assign(image=0).to_parquet(layout.FACES / store.TABLE, index=False)
    (layout.FACES / store.INFO).unlink()
    with pytest.raises(EraseError, match=r"1 of 1 person\(s\) to erase are not in"):
        purge.persons([ann])
    with pytest.raises(RequestError, match="not in"):
        requests.open_by_id(["cat"])


def test_whom_params_name_would_be_missed() -> None:
    (ann,) = ask("ann")
    with pytest.raises(ConfigError, match=r"split\.forget_persons in params\.yaml names 1 of the persons"):
        purge.persons([ann], ["ann"])


def test_the_event_is_entered_once_and_closes_the_request() -> None:
    ann, bob = ask("ann", "bob")
    for _ in range(2):
        purge.enter([ann], MODEL, "12 files scanned, nothing found")
    (closed,) = [one for one in requests.read() if not one.open]
    assert (closed.id, closed.state, closed.model) == (ann.id, "data erased", MODEL)
    assert layout.REQUESTS.read_text().count(",erased,") == 1
    assert [one.id for one in requests.read() if one.open] == [bob.id]


def test_requests_of_persons_who_share_pictures_are_closed_as_well() -> None:
    """bobby's alone is in service: without bob's pictures nothing could forget bob any more."""
    bobby, bob, cat = ask("bobby", "bob", "cat")
    serve(bobby)
    waiting = purge.due(MODEL).waiting
    assert [one.id for one in purge.along(waiting, [])] == []
    found = purge.persons([bobby])
    assert [one.id for one in purge.along(waiting, found.keys)] == [bob.id], "as the dry run tells"
    tombstones.add(found.traces.digests(pseudonyms.load()))
    assert [one.id for one in purge.along(waiting, [])] == [bob.id], "and a run after one that was killed"
    assert set(purge.enter([bobby], MODEL, "nothing found")) == {bobby.id, bob.id}
    assert purge.enter([bobby], MODEL, "nothing found") == []
    states = {one.id: (one.state, one.model) for one in requests.read()}
    assert states == {
        bobby.id: ("data erased", MODEL),
        bob.id: ("data erased", MODEL),
        cat.id: ("received", ""),
    }
