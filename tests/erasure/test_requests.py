"""States of requests: what follows from the events, in whatever order their lines are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import layout, pseudonyms
from pipeline.erasure import ledger, requests
from pipeline.erasure.ledger import Event
from pipeline.errors import RequestError, SaltError

DUE = "2026-12-31"
LATER = [event for event in ledger.EVENTS if event != ledger.RECEIVED]


def line(name: str, minute: int = 0, request: int = 1, model: str = "", due: str = DUE) -> Event:
    received = name == ledger.RECEIVED
    person = f"abcdef-{request:016x}"
    time = f"2026-11-21T10:{minute:02d}:00.000Z"
    return Event(f"20261121-{request:06x}", name, person, due if received else "", "", model, time)


def state(*names: str) -> str:
    (one,) = requests.fold(line(name, minute, model="m/1") for minute, name in enumerate(names))
    return one.state


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], "received"),
        (["unlearned"], "unlearned"),
        (["unlearned", "verified"], "verified"),
        (["unlearned", "verified", "in_service"], "in service"),
        (["unlearned", "in_service"], "in service"),
        (["unlearned", "verified", "in_service", "out_of_service"], "verified"),
        (["unlearned", "in_service", "out_of_service"], "unlearned"),
        (["unlearned", "in_service", "out_of_service", "in_service"], "in service"),
        (["unlearned", "verified", "in_service", "erased"], "data erased"),
        (["erased", "unlearned"], "data erased"),
        (["withdrawn"], "withdrawn"),
        (["unlearned", "verified", "in_service", "withdrawn"], "withdrawn"),
        (["withdrawn", "unlearned"], "withdrawn"),
    ],
)
def test_the_state_follows_from_the_events(events: list[str], expected: str) -> None:
    assert state("received", *events) == expected


lines = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(LATER), st.integers(1, 59), st.sampled_from(["", "m/1", "m/2"])),
    max_size=25,
)


@given(lines, st.randoms())
def test_the_order_of_lines_does_not_matter_and_a_line_twice_is_one(
    found: list[tuple[int, str, int, str]], chance: object
) -> None:
    events = [line(ledger.RECEIVED, 0, request, due=f"2026-12-{request:02d}") for request in range(1, 5)]
    events += [line(name, minute, request, model) for request, name, minute, model in found]
    shuffled = [*events, *events[::2]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert requests.fold(events) == requests.fold(shuffled)
    for one in requests.fold(events):
        alone = requests.fold(event for event in events if event.request == one.id)
        assert alone == [one], "no other request's events matter"
    assert [one.due for one in requests.fold(shuffled)] == sorted(one.due for one in requests.fold(events))


def test_the_model_is_that_of_the_state() -> None:
    events = [line("received"), line("unlearned", 1, model="m/1"), line("unlearned", 2, model="m/2")]
    (one,) = requests.fold([*events, line("verified", 3, model="m/1")])
    assert (one.state, one.model, one.unlearned_by()) == ("verified", "m/1", {"m/1", "m/2"})
    (one,) = requests.fold([*events, line("in_service", 3, model="m/2")])
    assert (one.state, one.model) == ("in service", "m/2")


def test_events_of_a_request_that_never_came_in_are_told() -> None:
    with pytest.raises(RequestError, match=r"20261121-000001 was never received: lines of requests\.csv are missing"):
        requests.fold([line("withdrawn")])


@pytest.mark.parametrize(
    ("events", "today", "overdue"),
    [
        ([], date(2026, 12, 31), False),
        ([], date(2027, 1, 1), True),
        (["verified"], date(2027, 1, 1), True),
        (["in_service"], date(2027, 1, 1), False),
        (["withdrawn"], date(2027, 1, 1), False),
    ],
)
def test_a_request_is_overdue_until_it_is_in_service(events: list[str], today: date, overdue: bool) -> None:
    (one,) = requests.fold(line(name, minute) for minute, name in enumerate(["received", *events]))
    assert one.overdue(today) is overdue


def enter(person: str, *, request: int = 1, events: tuple[str, ...] = ()) -> None:
    key = pseudonyms.load().key(person)
    lines = [line(name, minute, request) for minute, name in enumerate(["received", *events])]
    ledger.append(layout.REQUESTS, lambda known: [Event(**{**vars(one), "person": key}) for one in lines])


def test_without_open_requests_nobody_is_asked_for_and_no_salt_is_made(checkout: Path) -> None:
    assert requests.open_by_id(["p0"]) == {}
    layout.REQUESTS.write_text(ledger.HEADER)
    assert requests.open_by_id(["p0"]) == {}
    assert not (checkout / layout.SALT).exists()


def test_persons_of_open_requests_are_found_by_their_keys(checkout: Path) -> None:
    enter("p1", request=1)
    enter("p2", request=2, events=("withdrawn",))
    enter("p3", request=3, events=("erased",))
    enter("p4", request=4)
    ledger.append(requests.progress_file(), lambda known: [line("in_service", 5, 4)])
    assert set(requests.open_by_id(f"p{number}" for number in range(9)).values()) == {"p1", "p4"}
    assert [one.state for one in requests.read()] == ["received", "withdrawn", "data erased", "in service"]


def test_progress_of_another_branchs_requests_is_left_out(checkout: Path) -> None:
    enter("p1")
    ledger.append(requests.progress_file(), lambda known: [line("unlearned", 5, 77)])
    assert [one.state for one in requests.read()] == ["received"]


def test_a_lost_salt_is_noticed_and_no_new_one_is_made(checkout: Path) -> None:
    enter("p1")
    (checkout / layout.SALT).unlink()
    with pytest.raises(SaltError, match=r"\.dlfd-salt, the salt .* is missing: put its copy back"):
        requests.open_by_id(["p1"])
    with pytest.raises(SaltError, match="is missing"):
        pseudonyms.load()
    assert not (checkout / layout.SALT).exists()


def test_another_salt_is_noticed_and_is_no_unknown_person(checkout: Path) -> None:
    enter("p1")
    (asked,) = ledger.read(layout.REQUESTS).events
    (checkout / layout.SALT).write_text("ab" * 32)
    with pytest.raises(SaltError, match=r"did not make the person keys of request\(s\) 20261121-000001"):
        requests.open_by_id(["p1"])
    ledger.append(layout.REQUESTS, lambda known: [replace(asked, event=ledger.WITHDRAWN, due="")])
    assert requests.open_by_id(["p1"]) == {}, "closed requests need no salt"


def test_an_open_request_of_nobody_in_the_store_is_never_dropped(checkout: Path) -> None:
    enter("p1")
    with pytest.raises(RequestError, match=r"20261121-000001 are of persons who are not in workspace/faces"):
        requests.open_by_id(["p2"])


def test_a_torn_line_is_told(checkout: Path) -> None:
    assert requests.torn() == []
    enter("p1")
    layout.REQUESTS.write_text(layout.REQUESTS.read_text() + "20261121-0000")
    (told,) = requests.torn()
    assert "requests.csv: the last line was never finished" in told
    assert set(requests.open_by_id(["p1"]).values()) == {"p1"}
