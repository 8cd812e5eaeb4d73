"""The file of events: whole lines stay, whatever happens to a writer, to git or to the disk."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.erasure import ledger
from pipeline.erasure.ledger import Event
from pipeline.errors import RequestError

PROJECT = Path(__file__).parents[2]
WRITERS, LINES = 4, 60


def event(number: int = 0, reason: str = "", name: str = ledger.RECEIVED) -> Event:
    person = f"abcdef-{number:016x}"
    return Event(f"20261121-{number:06x}", name, person, "2026-12-31", reason, "faces/3", "2026-11-21T10:00:00.000Z")


def append(path: Path, *events: Event) -> ledger.Log:
    return ledger.append(path, lambda known: list(events))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requests.csv"


def test_what_is_appended_is_read_in_its_order_and_nothing_before_it_moves(path: Path) -> None:
    assert ledger.read(path).events == []
    append(path, event(1), event(2))
    before = path.read_bytes()
    append(path, event(3))
    assert path.read_bytes().startswith(before)
    assert ledger.read(path).events == [event(1), event(2), event(3)]
    assert before.decode().splitlines()[0] == "request,event,person,due,reason,model,time"
    assert len(path.read_bytes().splitlines()) == 4


@pytest.mark.parametrize("clock", ["2026-11-21T10:00:00.000Z", "2026-11-20T23:59:59.999Z"], ids=["still", "set back"])
def test_the_events_of_a_request_have_an_order_whatever_the_clock(path: Path, clock: str) -> None:
    append(path, event(1), replace(event(1, name=ledger.UNLEARNED), time=clock))
    append(path, replace(event(1, name=ledger.VERIFIED), time=clock), replace(event(2), time=clock))
    first, *_, other = found = ledger.read(path).events
    times = [one.time for one in found if one.request == first.request]
    assert times == sorted(set(times))
    assert other.time == clock, "another request's"


@given(st.text(st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40))
def test_any_reason_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, reason: str) -> None:
    path = tmp_path_factory.mktemp("any") / "requests.csv"
    append(path, event(1, reason))
    assert ledger.read(path).events == [event(1, reason)]


def write_many(path: Path, writer: int) -> None:
    for number in range(LINES):
        append(path, event(writer * LINES + number))


def test_processes_that_append_at_once_lose_nothing(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(path, number)) for number in range(WRITERS)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(60)
        assert one.exitcode == 0
    found = ledger.read(path).events
    assert sorted(found, key=lambda one: one.request) == [event(number) for number in range(WRITERS * LINES)]
    for writer in range(WRITERS):
        own = [one for one in found if int(one.request[-6:], 16) // LINES == writer]
        assert own == sorted(own, key=lambda one: one.request), "each writer's lines keep their order"


def count_up(path: Path) -> None:
    for _ in range(LINES):
        ledger.append(path, lambda known: [event(len(known))])


def test_what_a_writer_decides_on_is_what_is_there(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=count_up, args=(path,)) for _ in range(2)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(60)
    assert [one.request for one in ledger.read(path).events] == [event(n).request for n in range(2 * LINES)]


def test_a_line_torn_anywhere_is_told_and_cut_off_and_no_whole_line_is_lost(path: Path) -> None:
    append(path, event(1), event(2, 'she said "now, please"'))
    whole = path.read_bytes()
    append(path, event(3, "torn"))
    line = path.read_bytes()[len(whole) :]
    for end in range(1, len(line)):
        path.write_bytes(whole + line[:end])
        log = ledger.read(path)
        if end == len(line) - 1:  # only the end of the line is missing, as after some editors
            assert (log.events, log.torn) == ([event(1), event(2, 'she said "now, please"'), event(3, "torn")], "")
        else:
            assert (log.events[-1].request, log.torn) == (event(2).request, line[:end].decode())
        healed = append(path, event(4))
        assert bool(healed.torn) == (end < len(line) - 1)
        assert ledger.read(path).events[-1] == event(4)
        assert ledger.read(path).torn == ""
        assert path.read_bytes().startswith(whole)


def test_a_torn_header_is_written_anew(path: Path) -> None:
    path.write_text("request,eve")
    append(path, event(1))
    assert ledger.read(path).events == [event(1)]


@pytest.mark.parametrize("refusal", [RuntimeError("no"), RequestError("no")])
def test_a_refusal_writes_nothing(path: Path, refusal: Exception) -> None:
    append(path, event(1))
    before = path.read_bytes()

    def refuse(known: list[Event]) -> list[Event]:
        raise refusal

    with pytest.raises(type(refusal), match="no"):
        ledger.append(path, refuse)
    append(path)  # nothing new
    assert path.read_bytes() == before


def test_on_a_full_disk_the_file_is_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(path, event(1))
    before, write = path.read_bytes(), os.write

    def half(handle: int, data: bytes) -> int:
        return write(handle, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space left") as error:
        append(path, event(2), event(3))
    assert error.value.errno == errno.ENOSPC
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_written_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.mkdir()
    with pytest.raises(RequestError, match=r"requests\.csv cannot be read"):
        append(path, event(1))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "line 3 has 1 fields, not 7"),
        ("1,received,abcdef-0000000000000001,2026-12-31,,,2026-11-21T10:00:00.000Z", "line 3: request"),
        ("20261121-000001,eaten,abcdef-0000000000000001,2026-12-31,,,2026-11-21T10:00:00.000Z", "line 3: event"),
        ("20261121-000001,received,p0007,31.12.26,,,2026-11-21T10:00:00.000Z", "line 3: person, due"),
        ("20261121-000001,received,abcdef-0000000000000001,2026-12-31,,,today", "line 3: time"),
        ("<<<<<<< HEAD", "line 3 is a mark of a git conflict"),
    ],
)
def test_a_line_that_is_none_is_named_and_nothing_is_written(path: Path, line: str, words: str) -> None:
    append(path, event(1))
    path.write_text(path.read_text() + line + "\n")
    before = path.read_bytes()
    for use in (lambda: ledger.read(path), lambda: append(path, event(2))):
        with pytest.raises(RequestError, match=words):
            use()
    assert path.read_bytes() == before


def test_another_file_is_refused(path: Path) -> None:
    path.write_text("path,person\na.jpg,ann\n")
    with pytest.raises(RequestError, match="line 1 is not the header"):
        ledger.read(path)


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_git_merges_two_branches_that_both_appended(path: Path) -> None:
    """With the project's own .gitattributes, without a conflict, in either order."""
    folder = path.parent
    shutil.copy(PROJECT / ".gitattributes", folder)
    append(path, event(1))
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "requests.csv", ".gitattributes")
    git(folder, "commit", "-qm", "one")
    git(folder, "checkout", "-qb", "other")
    append(path, event(2), event(3, "on a branch"))
    git(folder, "commit", "-qam", "two")
    git(folder, "checkout", "-q", "main")
    append(path, event(4))
    git(folder, "commit", "-qam", "three")
    git(folder, "merge", "-q", "other")
    found = ledger.read(path)
    assert {one.request for one in found.events} == {event(number).request for number in (1, 2, 3, 4)}
    assert (len(found.events), found.torn) == (4, "")
