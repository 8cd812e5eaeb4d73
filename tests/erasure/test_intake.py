"""Requests come in and are withdrawn: all or nothing, every problem at once, and what one should know is told."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from tiny_data import make_faces

from pipeline import layout, pseudonyms
from pipeline.erasure import intake, ledger, requests
from pipeline.erasure.intake import Ask
from pipeline.errors import RequestError, SaltError

PERSONS = [f"p{number:02d}" for number in range(20)]


@pytest.fixture(autouse=True)
def empty_ledger(checkout: Path) -> None:
    layout.REQUESTS.write_text(ledger.HEADER)


@pytest.fixture
def faces() -> pd.DataFrame:
    """Twenty persons of two pictures; p03 shares one with p04, who shares one with p05."""
    content = [f"c{number}" for number in range(40)]
    content[8], content[10] = content[6], content[9]
    return make_faces([person for person in PERSONS for _ in range(2)], content, [0] * 40)


def states() -> dict[str, str]:
    return {request.id: request.state for request in requests.read()}


def test_requests_are_entered_under_keys_that_name_nobody(faces: pd.DataFrame) -> None:
    added = intake.add([Ask("p07", "by letter", "2030-01-31"), Ask("p09")], faces)
    assert [request.state for request in added.requests] == ["received", "received"]
    assert (added.requests[0].due, added.requests[0].reason) == ("2030-01-31", "by letter")
    assert added.requests[1].due == (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    assert added.notes == []
    assert set(requests.open_by_id(PERSONS).values()) == {"p07", "p09"}
    told = layout.REQUESTS.read_text()
    assert not any(person in told for person in PERSONS)


def test_every_problem_is_named_at_once_and_nothing_is_entered(faces: pd.DataFrame) -> None:
    first = intake.add([Ask("p01")], faces).requests[0]
    before = layout.REQUESTS.read_bytes()
    asked = [Ask("p01"), Ask("p7"), Ask("p02", due="31.1.30"), Ask("p06", "a\nb"), Ask("p08"), Ask("p08"), Ask("p10")]
    with pytest.raises(RequestError) as error:
        intake.add(asked, faces)
    told = str(error.value)
    assert "5 problem(s), nothing is entered" in told
    for words in (
        f"'p01': asked before, request {first.id} (received)",
        "'p7' is not in the store (nearest: 'p17')",
        "'p02': due '31.1.30' is no date such as 2026-12-31",
        "'p06': the reason has a line break",
        "'p08' is named 2 times",
    ):
        assert words in told
    assert layout.REQUESTS.read_bytes() == before


def test_keys_that_share_pictures_are_told(faces: pd.DataFrame) -> None:
    (note,) = intake.add([Ask("p04"), Ask("p07")], faces).notes
    assert note == "the keys p03, p04, p05 share pictures: they are one unit, and the whole unit is forgotten"


def test_a_due_date_that_has_passed_is_entered_and_told(faces: pd.DataFrame) -> None:
    added = intake.add([Ask("p04", due="2020-01-01")], faces)
    assert added.requests[0].overdue()
    assert f"{added.requests[0].id} was due on 2020-01-01 already" in added.notes


def test_withdrawn_persons_are_no_longer_forgotten_and_may_ask_again(faces: pd.DataFrame) -> None:
    one, two = intake.add([Ask("p01"), Ask("p02")], faces).requests
    (before,) = intake.withdraw([one.id, one.id], "changed their mind")
    assert before.id == one.id
    assert states() == {one.id: "withdrawn", two.id: "received"}
    assert set(requests.open_by_id(PERSONS).values()) == {"p02"}
    with pytest.raises(RequestError, match=rf"not open any more: {one.id} \(withdrawn\); nothing is withdrawn"):
        intake.withdraw([two.id, one.id])
    assert states()[two.id] == "received"
    intake.add([Ask("p01")], faces)
    assert set(requests.open_by_id(PERSONS).values()) == {"p01", "p02"}


def test_a_request_is_found_by_id_part_of_it_or_person(faces: pd.DataFrame) -> None:
    one, two = intake.add([Ask("p01"), Ask("p02")], faces).requests
    known = requests.read()
    assert intake.find(one.id, known) == intake.find(one.id[-6:], known) == intake.find("p01", known)
    intake.withdraw([one.id])
    (again,) = intake.add([Ask("p01")], faces).requests
    assert intake.find("p01", requests.read()).id == again.id, "the open one"
    for name, words in ((one.id[:8], "several requests"), ("p19", "no request"), ("", "no request")):
        with pytest.raises(RequestError, match=f"{name!r} means {words}"):
            intake.find(name, requests.read())
    assert two.id in states()


def test_a_person_who_is_a_number_is_not_taken_for_a_part_of_anothers_id(monkeypatch: pytest.MonkeyPatch) -> None:
    pseudonyms.load()  # makes the salt, by chance too
    drawn = iter(["1a5dcb", "ed0000"])
    monkeypatch.setattr(intake.secrets, "token_hex", lambda count: next(drawn))
    numbers = make_faces(["5", "6"], ["a", "b"], [0, 0])
    other, own = intake.add([Ask("6"), Ask("5")], numbers).requests
    assert "5" in other.id
    assert "5" not in own.id[9:]
    assert intake.find("5", requests.read()).id == own.id
    layout.SALT.unlink()
    with pytest.raises(SaltError, match="is missing"):
        intake.find("5", requests.read())
    assert intake.find(own.id, requests.read()).id == own.id, "an id needs no salt"


def test_two_requests_never_share_an_id(faces: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    pseudonyms.load()
    drawn = iter(["aaaaaa", "aaaaaa", "bbbbbb", "bbbbbb", "aaaaaa", "cccccc"])
    monkeypatch.setattr(intake.secrets, "token_hex", lambda count: next(drawn))
    intake.add([Ask("p01"), Ask("p02")], faces)
    intake.add([Ask("p03")], faces)
    assert [one.id[-6:] for one in sorted(requests.read(), key=lambda one: one.id)] == ["aaaaaa", "bbbbbb", "cccccc"]


def test_what_is_no_text_is_refused(faces: pd.DataFrame) -> None:
    """As a shell gives it where somebody's terminal is not in UTF-8."""
    with pytest.raises(RequestError, match="2 problem") as refused:
        intake.add([Ask("M\udcfcller"), Ask("p01", reason="M\udcfcller")], faces)
    assert "is not in the store" in str(refused.value)
    assert "the reason is no text in UTF-8" in str(refused.value)
    intake.add([Ask("p01")], faces)
    with pytest.raises(RequestError, match="no request"):
        intake.find("M\udcfcller", requests.read())
    with pytest.raises(RequestError, match="no text"):
        intake.withdraw(["p01"], "M\udcfcller")


def test_with_another_salt_nothing_is_entered(faces: pd.DataFrame, checkout: Path) -> None:
    intake.add([Ask("p01")], faces)
    before = layout.REQUESTS.read_bytes()
    (checkout / layout.SALT).write_text("ab" * 32)
    with pytest.raises(SaltError, match="did not make the person keys"):
        intake.add([Ask("p01")], faces)
    assert layout.REQUESTS.read_bytes() == before


def enter(person: str, faces: pd.DataFrame, outcome: multiprocessing.Queue[str]) -> None:
    try:
        intake.add([Ask(person)], faces)
        outcome.put("entered")
    except RequestError as error:
        outcome.put(str(error))


def test_of_two_who_enter_the_same_person_at_once_one_is_told(faces: pd.DataFrame) -> None:
    context = multiprocessing.get_context("fork")
    outcome = context.Queue()
    processes = [context.Process(target=enter, args=("p01", faces, outcome)) for _ in range(4)]
    for one in processes:
        one.start()
    told = [outcome.get(timeout=30) for _ in processes]
    for one in processes:
        one.join()
    assert told.count("entered") == 1
    assert sum("asked before" in words for words in told) == 3
    assert len(states()) == 1


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "letters.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_file_of_requests(checkout: Path) -> None:
    text = 'person, reason, due\np01,"by letter, twice",2030-01-31\r\np02,,\n'
    for path in (write(checkout, text), write(checkout, text, "utf-8-sig")):
        assert intake.read_file(path) == [
            Ask("p01", "by letter, twice", "2030-01-31", "letters.csv row 2"),
            Ask("p02", "", "", "letters.csv row 3"),
        ]
    assert intake.read_file(write(checkout, "due,person\n2030-01-31,p03\n")) == [
        Ask("p03", "", "2030-01-31", "letters.csv row 2")
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "columns are none; wanted: person, reason, due"),
        ("name,due\np01,\n", "columns are name, due; wanted"),
        ("person,person\np01,p01\n", "columns are person, person"),
        ("person,reason,due\n", "holds no request"),
        ("person,reason,due\np01,by letter, twice,2030-01-31\n", "row 2: more fields than columns"),
        ("person\nä\n", "no CSV file in UTF-8"),
    ],
)
def test_a_file_that_is_none_is_refused(checkout: Path, text: str, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        intake.read_file(write(checkout, text, "latin-1"))
    with pytest.raises(RequestError, match="cannot be read"):
        intake.read_file(checkout / "gone.csv")
    with pytest.raises(RequestError, match="cannot be read"):
        intake.read_file(checkout)


def test_problems_of_a_file_name_the_row(checkout: Path, faces: pd.DataFrame) -> None:
    path = write(checkout, "person,due\np01,\nx1,\np02,soon\n")
    with pytest.raises(RequestError) as error:
        intake.add(intake.read_file(path), faces)
    assert "letters.csv row 3: 'x1' is not in the store" in str(error.value)
    assert "letters.csv row 4: 'p02': due 'soon'" in str(error.value)
    assert states() == {}


def test_a_file_of_strangers_is_refused_at_once(faces: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr(intake.difflib, "get_close_matches", lambda name, *_, **__: looked.append(name) or [])
    with pytest.raises(RequestError, match="500 problem") as refused:
        intake.add([Ask(f"stranger {number}") for number in range(500)], faces)
    assert "'stranger 499' is not in the store" in str(refused.value)
    assert len(looked) == intake.HINTS


def test_nothing_asked_is_refused(faces: pd.DataFrame) -> None:
    with pytest.raises(RequestError, match="name at least one person"):
        intake.add([], faces)
