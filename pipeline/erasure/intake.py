"""What people decide: requests come in and are withdrawn. All or nothing, and every problem is named at once."""

from __future__ import annotations

import csv
import difflib
import re
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import layout
from pipeline.erasure import ledger, requests
from pipeline.erasure.ledger import Event
from pipeline.erasure.requests import Request
from pipeline.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.pseudonyms import Salt

DAYS = 30  # GDPR art. 12(3): within one month of receipt
COLUMNS = ("person", "reason", "due")
LONGEST = 500  # characters of a reason
HINTS = 20  # unknown persons of whom the nearest is looked for, which takes a while among thousands


@dataclass(frozen=True)
class Ask:
    """What somebody asks for.

    Attributes:
        person: key of the store.
        due: ISO date; empty: in DAYS.
        where: it stands, such as a row of a file; for messages.
    """

    person: str
    reason: str = ""
    due: str = ""
    where: str = ""


@dataclass(frozen=True)
class Added:
    """New requests.

    Attributes:
        requests: in the order they were asked for.
        notes: what whoever asks should know: keys that share pictures, a due date that has passed.
        torn: whether a line that a killed writer left was cut off.
    """

    requests: list[Request]
    notes: list[str]
    torn: bool


def add(asked: list[Ask], faces: pd.DataFrame) -> Added:
    """Enter requests into the ledger of the working folder.

    Args:
        asked: at least one.
        faces: the store's table.

    Raises:
        RequestError: nothing is asked, or persons are unknown (the nearest is named), asked for twice or already, a due
            date or reason cannot be used; one message with all of it, and nothing is entered.
        SaltError: the salt is not the one that made the keys of open requests.
    """
    if not asked:
        raise RequestError("nothing is asked for: name at least one person")
    persons = faces["person"].astype(str)
    problems = [*_unknown(asked, sorted(set(persons))), *_malformed(asked)]
    notes = _shared(asked, faces)

    def decide(events: list[Event]) -> list[Event]:
        present = [request for request in requests.fold(events) if request.open]
        salt = requests.own_salt(present)
        wrong = [*problems, *_asked_before(asked, present, salt)]
        if wrong:
            told = "".join(f"\n  - {problem}" for problem in wrong)
            raise RequestError(f"{len(wrong)} problem(s), nothing is entered:{told}")
        taken = {event.request for event in events}
        return [_received(ask, salt, taken) for ask in asked]

    log = ledger.append(layout.REQUESTS, decide)
    made = {request.id: request for request in requests.fold(log.events)}
    new = [made[event.request] for event in log.events]
    notes += [f"{request.id} was due on {request.due} already" for request in new if request.overdue()]
    return Added(new, notes, bool(log.torn))


def withdraw(names: list[str], reason: str = "") -> list[Request]:
    """Withdraw requests: their persons are no longer forgotten.

    Args:
        names: as for `find`.

    Returns:
        The requests as they were before.

    Raises:
        RequestError: one is unknown, or not open any more; nothing is withdrawn then.
    """
    if problem := unreadable(reason):
        raise RequestError(problem)
    known = requests.read()
    chosen = list({one.id: one for one in (find(name, known) for name in names)}.values())
    if closed := [f"{one.id} ({one.state})" for one in chosen if not one.open]:
        raise RequestError(f"not open any more: {', '.join(closed)}; nothing is withdrawn")

    def decide(events: list[Event]) -> list[Event]:
        still = {request.id for request in requests.fold(events) if request.open}
        time = ledger.now()
        return [
            Event(one.id, ledger.WITHDRAWN, one.person, reason=reason, time=time) for one in chosen if one.id in still
        ]

    ledger.append(layout.REQUESTS, decide)
    return chosen


def find(name: str, known: list[Request]) -> Request:
    """The request that a name means.

    Args:
        name: id, a person key of the store (of several requests: the one that is open), or a part of an id that no
            other has.

    Raises:
        RequestError: it means none, or several.
        SaltError: it is no id, and without the salt nobody can tell whether it is a person.
    """
    found = [request for request in known if name == request.id]
    if not found and known:  # a person first: where persons are numbers, such a number is part of many an id
        found = _of_person(name, known) or [one for one in known if name and name in one.id]
    if len(found) != 1:
        told = "several requests: " + ", ".join(one.id for one in found) if found else "no request"
        raise RequestError(f"{name!r} means {told}: see `dlfd request list --all`")
    return found[0]


def read_file(path: Path) -> list[Ask]:
    """Requests of a CSV file with the columns person, reason, due; the last two may be empty or missing.

    Raises:
        RequestError: the file or its columns cannot be read, or it holds no request.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            names = [str(name).strip() for name in rows.fieldnames or []]
            rows.fieldnames = names
            if "person" not in names or set(names) - set(COLUMNS) or len(set(names)) != len(names):
                raise RequestError(f"{path}: columns are {', '.join(names) or 'none'}; wanted: {', '.join(COLUMNS)}")
            found = list(rows)
            lines = [f"{path.name} row {number}" for number in range(2, len(found) + 2)]
    except OSError as error:
        raise RequestError(f"{path} cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{path} is no CSV file in UTF-8 ({error})") from None
    if ragged := [where for row, where in zip(found, lines, strict=True) if None in row]:
        raise RequestError(f"{', '.join(ragged)}: more fields than columns; put a reason with commas in quotes")
    if not found:
        raise RequestError(f"{path} holds no request")
    return [
        Ask(**{name: (row.get(name) or "").strip() for name in COLUMNS}, where=where)
        for row, where in zip(found, lines, strict=True)
    ]


def unreadable(reason: str) -> str:
    """What is wrong with a reason that is kept for good; empty where it can be used."""
    if len(reason) > LONGEST:
        return f"the reason has {len(reason)} characters, more than {LONGEST}"
    if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", reason):  # a request is one line of the file
        return "the reason has a line break or a control character"
    return "" if _is_text(reason) else "the reason is no text in UTF-8"


def _of_person(name: str, known: list[Request]) -> list[Request]:
    """Open requests of a person key of the store; where none is open the last one."""
    if not _is_text(name):
        return []
    key = requests.own_salt([]).key(name)
    found = [request for request in known if request.person == key]
    return [request for request in found if request.open] or found[-1:]


def _received(ask: Ask, salt: Salt, taken: set[str]) -> Event:
    """A new request; its id is drawn until it is none of those taken, which it joins."""
    today = datetime.now(UTC).date()
    name = ""
    while not name or name in taken:
        name = f"{today:%Y%m%d}-{secrets.token_hex(3)}"  # chance and no counter: two branches make no equal ones
    taken.add(name)
    due = ask.due or (today + timedelta(days=DAYS)).isoformat()
    return Event(name, ledger.RECEIVED, salt.key(ask.person), due, ask.reason, time=ledger.now())


def _unknown(asked: list[Ask], persons: list[str]) -> list[str]:
    known, problems = set(persons), list[str]()
    for ask in asked:
        if ask.person not in known:
            near = difflib.get_close_matches(ask.person, persons, n=1, cutoff=0) if len(problems) < HINTS else []
            hint = f" (nearest: {near[0]!r})" if near else ""
            problems.append(f"{_named(ask)} is not in the store{hint}")
    return problems


def _malformed(asked: list[Ask]) -> list[str]:
    times = Counter(ask.person for ask in asked)
    problems = [f"{person!r} is named {count} times" for person, count in times.items() if count > 1]
    for ask in asked:
        if ask.due and not ledger.is_date(ask.due):
            problems.append(f"{_named(ask)}: due {ask.due!r} is no date such as 2026-12-31")
        if problem := unreadable(ask.reason):
            problems.append(f"{_named(ask)}: {problem}")
    return problems


def _is_text(words: str) -> bool:
    """Whether it can be written: what a shell gives that is no UTF-8 cannot."""
    return not re.search(r"[\ud800-\udfff]", words)


def _asked_before(asked: list[Ask], present: list[Request], salt: Salt) -> list[str]:
    by_person = {request.person: request for request in present}
    found = [(ask, by_person.get(salt.key(ask.person))) for ask in asked if _is_text(ask.person)]
    return [f"{_named(ask)}: asked before, request {one.id} ({one.state})" for ask, one in found if one]


def _shared(asked: list[Ask], faces: pd.DataFrame) -> list[str]:
    """A sentence for each unit of several keys: who is forgotten along with whom."""
    from pipeline.data import groups

    person = faces["person"].astype(str)
    unit = groups.units(person, faces["content"])
    keys = person.groupby(unit).unique()
    names = {ask.person for ask in asked}
    return [
        f"the keys {', '.join(sorted(own))} share pictures: they are one unit, and the whole unit is forgotten"
        for own in keys
        if len(own) > 1 and names & set(own)
    ]


def _named(ask: Ask) -> str:
    return f"{ask.where}: {ask.person!r}" if ask.where else repr(ask.person)
