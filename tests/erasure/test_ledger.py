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

from pipeline.erasure import ledger, requests
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


class Branches:
    """A repository with the project's own .gitattributes, and one line in its ledger; `other` starts from there."""

    def __init__(self, path: Path) -> None:
        self.path, self.folder = path, path.parent
        shutil.copy(PROJECT / ".gitattributes", self.folder)
        append(path, event(1))
        git(self.folder, "init", "-q", "-b", "main")
        git(self.folder, "add", path.name, ".gitattributes")
        git(self.folder, "commit", "-qm", "one")
        git(self.folder, "branch", "other")

    def on(self, name: str, *events: Event) -> None:
        """Append to the ledger of a branch, and commit."""
        git(self.folder, "checkout", "-q", name)
        append(self.path, *events)
        git(self.folder, "commit", "-qam", "more")

    def merged(self) -> ledger.Log:
        """What is read after `other` was merged into main."""
        git(self.folder, "checkout", "-q", "main")
        git(self.folder, "merge", "-q", "other")
        return ledger.read(self.path)


@pytest.fixture(params=["requests.csv", "requests_progress.csv"])
def branches(tmp_path: Path, request: pytest.FixtureRequest) -> Branches:
    return Branches(tmp_path / request.param)


def test_git_merges_two_branches_that_both_appended(branches: Branches) -> None:
    """With the project's own .gitattributes, without a conflict."""
    branches.on("other", event(2), event(3, "on a branch"))
    branches.on("main", event(4))
    found = branches.merged()
    assert {one.request for one in found.events} == {event(number).request for number in (1, 2, 3, 4)}
    assert (len(found.events), found.torn) == (4, "")


def test_without_the_attributes_git_stops_and_the_ledger_says_so(branches: Branches) -> None:
    """What .gitattributes is good for, and what a merge elsewhere may leave."""
    (branches.folder / ".gitattributes").write_text("")
    git(branches.folder, "commit", "-qam", "without")
    branches.on("other", event(2))
    branches.on("main", event(3))
    git(branches.folder, "rm", "-q", ".gitattributes")
    git(branches.folder, "commit", "-qm", "without")
    with pytest.raises(subprocess.CalledProcessError):
        branches.merged()
    with pytest.raises(RequestError, match="line 3 is a mark of a git conflict: delete the marks, keep all other"):
        ledger.read(branches.path)


def test_a_line_that_was_cherry_picked_stands_there_twice_and_counts_once(branches: Branches) -> None:
    branches.on("other", event(2))
    branches.on("other", replace(event(2), event=ledger.WITHDRAWN, due=""))
    branches.on("main", event(3))
    git(branches.folder, "cherry-pick", "other~1")
    found = branches.merged()
    assert found.events.count(event(2)) == 2, "git does not know that they are one"
    assert [(one.id, one.state) for one in requests.fold(found.events)] == [
        (event(1).request, "received"),
        (event(2).request, "withdrawn"),
        (event(3).request, "received"),
    ]


def test_an_event_of_either_branch_counts_and_those_of_a_request_go_by_time(branches: Branches) -> None:
    """Withdrawn on both; what happened first stands last in the file."""
    early, late = (
        replace(event(1, why), event=ledger.WITHDRAWN, due="", time=f"2026-11-2{day}T10:00:00.000Z")
        for why, day in (("early", 2), ("late", 3))
    )
    branches.on("other", early)
    branches.on("main", late)
    found = branches.merged().events
    assert found.index(early) > found.index(late), "out of the order of time"
    (one,) = requests.fold(found)
    assert [(event.event, event.reason) for event in one.events] == [
        (ledger.RECEIVED, ""),
        (ledger.WITHDRAWN, "early"),
        (ledger.WITHDRAWN, "late"),
    ]
    after = append(branches.path, replace(early, reason="after the merge"))
    assert after.events[0].time > late.time, "whoever writes next is later than all of the request"


def test_a_torn_line_that_was_committed_is_named_where_it_ends_up(branches: Branches) -> None:
    git(branches.folder, "checkout", "-q", "main")
    with branches.path.open("a") as file:
        file.write("20261121-000009,receiv")
    git(branches.folder, "commit", "-qam", "torn")
    branches.on("other", event(2))
    with pytest.raises(RequestError, match=r"line 3 has 2 fields, not 7: .*delete it where it breaks off"):
        branches.merged()
    lines = branches.path.read_text().splitlines(keepends=True)
    branches.path.write_text("".join(line for line in lines if "receiv\n" not in line))
    assert [one.request for one in ledger.read(branches.path).events] == [event(n).request for n in (1, 2)]


def test_an_editor_of_other_line_ends_changes_no_line_for_git(branches: Branches) -> None:
    branches.on("main", event(2))
    git(branches.folder, "checkout", "-q", "other")
    append(branches.path, event(3))
    branches.path.write_bytes(branches.path.read_bytes().replace(b"\n", b"\r\n"))
    git(branches.folder, "commit", "-qam", "edited elsewhere")
    assert [one.request for one in branches.merged().events] == [event(n).request for n in (1, 2, 3)]


def test_a_second_header_is_no_line(path: Path) -> None:
    append(path, event(1))
    path.write_text(path.read_text() + ledger.HEADER)
    append(path, event(2))
    assert ledger.read(path).events == [event(1), event(2)]


def test_one_id_for_two_persons_is_refused_with_both_lines(branches: Branches) -> None:
    """A line that was copied, and the person in it changed: neither may be forgotten in place of the other."""
    copied = replace(event(2), person=event(3).person, reason="copied")
    branches.on("other", event(2))
    branches.on("main", copied)
    words = rf"requests\w*\.csv: lines 3 and 4 are of one request, {event(2).request}, and of two persons: in its lines"
    with pytest.raises(RequestError, match=words):
        branches.merged()
    before = branches.path.read_text()
    with pytest.raises(RequestError, match=words):
        append(branches.path, event(4))
    assert branches.path.read_text() == before
    line = next(line for line in before.splitlines() if event(2).person in line)
    branches.path.write_text(before.replace(line, line.replace(event(2).request, event(9).request)))
    found = requests.fold(ledger.read(branches.path).events)  # the remedy
    assert {(one.id, one.person) for one in found} == {
        (event(1).request, event(1).person),
        (event(2).request, event(3).person),
        (event(9).request, event(2).person),
    }


@pytest.mark.parametrize("change", [{"due": "2027-01-31"}, {"reason": "otherwise"}])
def test_a_request_that_both_branches_changed_is_refused_with_both_lines(
    branches: Branches, change: dict[str, str]
) -> None:
    for name, other in (("main", replace(event(1), **change)), ("other", replace(event(1), reason="by letter"))):
        git(branches.folder, "checkout", "-q", name)
        branches.path.unlink()
        append(branches.path, other)
        git(branches.folder, "commit", "-qam", "edited")
    with pytest.raises(RequestError, match=f"lines 2 and 3 enter request {event(1).request} with another due"):
        branches.merged()
