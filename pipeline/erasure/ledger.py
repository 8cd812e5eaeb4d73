"""An append-only file of events, one line each, that git can merge.

CSV with a header. A line is written under an exclusive lock in one go and reaches the disk before anybody is told that
it is there. The time comes last and has a fixed form, so that a line of a killed writer is known from a whole one:
it is told, and cut off by the next writer. Ids have no counter and states do not depend on the order of lines, so lines
of two branches can simply be put together (`merge=union` in .gitattributes): a line that comes twice, or a second
header, counts once. What cannot be put together is one id for two different requests.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import re
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipeline import layout, pseudonyms
from pipeline.errors import RequestError

RECEIVED, WITHDRAWN, ERASED = "received", "withdrawn", "erased"  # what people decide
UNLEARNED, VERIFIED, IN_SERVICE, OUT_OF_SERVICE = "unlearned", "verified", "in_service", "out_of_service"
EVENTS = (RECEIVED, WITHDRAWN, ERASED, UNLEARNED, VERIFIED, IN_SERVICE, OUT_OF_SERVICE)
LOCK_SECONDS = 60.0  # longest wait for another writer
ID = re.compile(r"\d{8}-[0-9a-f]{6}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UNREADABLE = "restore the line from git, or delete it where it breaks off (a killed writer's, committed and merged)"
CONFLICT = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")


@dataclass(frozen=True)
class Event:
    """A line.

    Attributes:
        request: id of the request.
        event: one of EVENTS.
        person: pseudonymous key (`pipeline.pseudonyms`).
        due: ISO date; of `received` alone.
        reason: why; of what the pipeline did, the evidence.
        model: registered model and version, such as `unlearned-face-classifier/3`, where one is meant.
        time: when, in UTC.
    """

    request: str
    event: str
    person: str
    due: str = ""
    reason: str = ""
    model: str = ""
    time: str = ""


COLUMNS = tuple(field.name for field in fields(Event))
HEADER = ",".join(COLUMNS) + "\n"


@dataclass(frozen=True)
class Log:
    """What a file holds.

    Attributes:
        events: in the order of the lines.
        torn: what a killed writer left of its line, which counts for nothing; empty where there is none.
    """

    events: list[Event]
    torn: str = ""


def now() -> str:
    """The present as a line has it."""
    return _written(datetime.now(UTC))


def _written(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(path: Path) -> Log:
    """All events; none where there is no file.

    Raises:
        RequestError: a line is not one of a ledger, or the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Log([])
    except OSError as error:
        raise RequestError(f"{path} cannot be read ({error})") from None
    whole, torn = _divide(data)
    return Log(_events(path, whole), torn.decode(errors="replace"))


def append(path: Path, decide: Callable[[list[Event]], list[Event]]) -> Log:
    """Append what `decide` makes of the events that are there, with nobody else writing in between.

    Lines are all written or none: after a failure the file is as it was.

    Args:
        decide: events so far -> new ones. What it raises goes through, and nothing is written.

    Returns:
        The new events, each later than those of its request before it, also where the clock stood
        still or was set back, and what was cut off of a line that a killed writer left.

    Raises:
        RequestError: the file has a line that is not one of a ledger, cannot be written, or stays locked.
        OSError: the disk is full.
    """
    from filelock import FileLock, Timeout

    try:
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=LOCK_SECONDS):
            log = read(path)
            new = _later(decide(log.events), log.events)
            if new:
                _write(path, new)
            return Log(new, log.torn)
    except Timeout:
        raise RequestError(
            f"{path} has been locked by another process for {LOCK_SECONDS:.0f} s: wait for its end, or end it, and "
            "give the command again"
        ) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise RequestError(f"{path} cannot be written ({error}): see the rights of the file and its folder") from None


def _later(new: list[Event], known: list[Event]) -> list[Event]:
    """A request's state goes by time, so no two of its events may share theirs."""
    last: dict[str, str] = {}
    for event in known:
        last[event.request] = max(event.time, last.get(event.request, ""))
    moved = []
    for event in new:
        before = last.get(event.request, "")
        if event.time <= before:
            event = replace(event, time=_written(datetime.fromisoformat(before) + timedelta(milliseconds=1)))
        last[event.request] = event.time
        moved.append(event)
    return moved


def _write(path: Path, events: list[Event]) -> None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        whole, _ = _divide(path.read_bytes())
        start = HEADER if not whole else "" if whole.endswith(b"\n") else "\n"
        lines = (start + "".join(_line(event) for event in events)).encode()
        try:
            os.ftruncate(handle, len(whole))
            os.lseek(handle, 0, os.SEEK_END)
            if os.write(handle, lines) != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, len(whole))
            raise
    finally:
        os.close(handle)


def _line(event: Event) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(astuple(event))
    return text.getvalue()


def _divide(data: bytes) -> tuple[bytes, bytes]:
    """Whole lines, and a last one that breaks off. A last line that only lacks its end is whole."""
    end = data.rfind(b"\n") + 1
    last = data[end:]
    complete = last.decode(errors="replace").rstrip("\r")
    if not last or TIME.fullmatch(complete.rpartition(",")[2]) or complete + "\n" == HEADER:
        return data, b""
    return data[:end], last


def _events(path: Path, data: bytes) -> list[Event]:
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not UTF-8 ({error}): restore it from git") from None
    if lines and lines[0] + "\n" != HEADER:
        raise RequestError(f"{path}: line 1 is not the header {HEADER.strip()!r}: restore it from git")
    rows = [(number, line) for number, line in enumerate(lines[1:], start=2) if line and line + "\n" != HEADER]
    events = {number: _event(path, number, line) for number, line in rows}
    _check_one_meaning(path, events)
    return list(events.values())


def _check_one_meaning(path: Path, events: dict[int, Event]) -> None:
    """Raises RequestError where lines of one id are of two persons, or enter it in two ways: lines were copied and
    changed, or both branches of a merge changed one. To go by either would forget the other silently."""
    persons: dict[str, int] = {}  # id -> its first line
    entered: dict[str, int] = {}  # id -> the line that enters it
    for number, event in events.items():
        first = persons.setdefault(event.request, number)
        if event.person != events[first].person:
            raise RequestError(
                f"{path}: lines {first} and {number} are of one request, {event.request}, and of two persons: in its "
                f"lines of {event.person}, in {layout.REQUESTS} and {layout.PROGRESS}, change the last six digits of "
                "the id to some that no other request has"
            )
        if event.event != RECEIVED:
            continue
        other = entered.setdefault(event.request, number)
        if (event.due, event.reason) != (events[other].due, events[other].reason):
            raise RequestError(
                f"{path}: lines {other} and {number} enter request {event.request} with another due date or reason: "
                "delete the one that is wrong"
            )


def _event(path: Path, number: int, line: str) -> Event:
    if line.startswith(CONFLICT):
        raise RequestError(f"{path}: line {number} is a mark of a git conflict: delete the marks, keep all other lines")
    found = next(csv.reader([line]))
    if len(found) != len(COLUMNS):
        raise RequestError(f"{path}: line {number} has {len(found)} fields, not {len(COLUMNS)}: {UNREADABLE}")
    event = Event(*found)
    wrong = [
        name
        for name, good in (
            ("request", ID.fullmatch(event.request)),
            ("event", event.event in EVENTS),
            ("person", pseudonyms.KEY.fullmatch(event.person)),
            ("due", is_date(event.due) or (not event.due and event.event != RECEIVED)),
            ("time", TIME.fullmatch(event.time)),
        )
        if not good
    ]
    if wrong:
        raise RequestError(f"{path}: line {number}: {', '.join(wrong)} cannot be read: {UNREADABLE}")
    return event


def is_date(text: str) -> bool:
    """Whether it is a day such as 2026-12-31."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
