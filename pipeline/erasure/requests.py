"""Requests, folded from their events: the state of each does not depend on the order of lines.

    received → unlearned → verified → in service → data erased;  withdrawn, from any but the last

A request is open until it is withdrawn or the data are erased. Every `dvc repro` forgets the persons of all open ones,
whatever their due dates: until their data are gone, whoever trains anew would learn them again. Where a round starts
from the model in service (`rounds`), those whom it has forgotten are kept out of everything and audited again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pipeline import layout, pseudonyms
from pipeline.erasure import ledger, tombstones
from pipeline.erasure.ledger import Event
from pipeline.errors import RequestError, SaltError

STATES = {
    ledger.RECEIVED: "received",
    ledger.UNLEARNED: "unlearned",
    ledger.VERIFIED: "verified",
    ledger.IN_SERVICE: "in service",
    ledger.WITHDRAWN: "withdrawn",
    ledger.ERASED: "data erased",
}


@dataclass(frozen=True)
class Request:
    """A request to be forgotten.

    Attributes:
        id: such as 20261121-3f9a2c: the day it came in, and chance.
        person: pseudonymous key.
        due: ISO date.
        reason: as given.
        state: one of STATES.
        model: the registered version that the state is about; empty where it is about none.
        events: all of them, oldest first.
    """

    id: str
    person: str
    due: str
    reason: str
    state: str
    model: str
    events: list[Event]

    @property
    def withdrawn(self) -> bool:
        return self.state == STATES[ledger.WITHDRAWN]

    @property
    def erased(self) -> bool:
        return self.state == STATES[ledger.ERASED]

    @property
    def in_service(self) -> bool:
        return self.state == STATES[ledger.IN_SERVICE]

    @property
    def open(self) -> bool:
        return not self.withdrawn and not self.erased

    def overdue(self, today: date | None = None) -> bool:
        """Whether it should have been in service before today (in UTC)."""
        return self.open and not self.in_service and self.due < (today or _today()).isoformat()

    def unlearned_by(self) -> set[str]:
        """Registered versions that have forgotten the person."""
        return {event.model for event in self.events if event.event == ledger.UNLEARNED}


def fold(events: Iterable[Event]) -> list[Request]:
    """Requests by due date, then by id, whatever the order of the events.

    Raises:
        RequestError: a request was never received: lines are missing.
    """
    grouped: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        grouped[event.request].append(event)
    found = [_request(name, list(set(own))) for name, own in grouped.items()]
    return sorted(found, key=lambda one: (one.due, one.id))


def read(decisions: Path | None = None) -> list[Request]:
    """All requests of the working folder, with the progress that this checkout has made.

    Args:
        decisions: default `layout.REQUESTS`.

    Raises:
        RequestError: a file cannot be read.
    """
    decided = ledger.read(decisions or layout.REQUESTS).events
    known = {event.request for event in decided}
    done = ledger.read(progress_file()).events  # of another branch's requests too, perhaps
    return fold([*decided, *(event for event in done if event.request in known)])


def progress_file() -> Path:
    """In the user's checkout, as the registry, also in `dvc exp run --temp`."""
    return layout.root() / layout.PROGRESS


def torn() -> list[str]:
    """A sentence for each file whose last line a killed writer left unfinished."""
    told = "the last line was never finished and counts for nothing; the next command that writes cuts it off"
    return [f"{path}: {told}" for path in (layout.REQUESTS, progress_file()) if ledger.read(path).torn]


def open_by_id(persons: Iterable[str]) -> dict[str, str]:
    """Id of each open request -> its person in a store. Who is being erased is in it no more.

    Args:
        persons: all person keys of the store.

    Raises:
        RequestError: a ledger cannot be read, or an open request is of nobody in the store.
        SaltError: the salt is missing, or is not the one that made the keys of open requests.
    """
    asked = [request for request in fold(ledger.read(layout.REQUESTS).events) if request.open]
    if not asked:
        return {}
    salt = own_salt(asked)
    gone = tombstones.of_persons()
    by_key = {salt.key(person): str(person) for person in persons}
    if absent := [request.id for request in asked if request.person not in {*by_key, *gone}]:
        raise RequestError(
            f"open request(s) {', '.join(absent)} are of persons who are not in {layout.FACES}: go back to the data "
            "they were made for (`dlfd data use`), or withdraw them"
        )
    return {request.id: by_key[request.person] for request in asked if request.person in by_key}


def own_salt(asked: Iterable[Request]) -> pseudonyms.Salt:
    """The salt, which made the keys of all these requests.

    Raises:
        SaltError: it is missing, damaged or another one.
    """
    salt = pseudonyms.load()
    if foreign := [request.id for request in asked if not salt.made(request.person)]:
        raise SaltError(
            f"{salt.path} (salt {salt.id}) did not make the person keys of request(s) {', '.join(foreign)}: put the "
            f"salt back that did, or say where it is with {pseudonyms.VARIABLE}. See docs/erasure.md"
        )
    return salt


def _request(name: str, events: list[Event]) -> Request:
    events = sorted(events, key=lambda event: (event.time, ledger.EVENTS.index(event.event), event.model, event.reason))
    received = next((event for event in events if event.event == ledger.RECEIVED), None)
    if received is None:
        raise RequestError(f"request {name} was never received: lines of {layout.REQUESTS} are missing, see git log")
    decisive = _decisive(events)
    state = STATES[decisive.event]
    return Request(name, received.person, received.due, received.reason, state, decisive.model, events)


def _decisive(events: list[Event]) -> Event:
    """The event that gives a request its state; of equals the latest."""
    last = {event.event: event for event in events}
    for end in (ledger.ERASED, ledger.WITHDRAWN):
        if end in last:
            return last[end]
    service = [event for event in events if event.event in (ledger.IN_SERVICE, ledger.OUT_OF_SERVICE)]
    if service and service[-1].event == ledger.IN_SERVICE:
        return service[-1]
    if (verified := last.get(ledger.VERIFIED)) and not taken_back(verified, events):
        return verified
    return next(last[event] for event in (ledger.UNLEARNED, ledger.RECEIVED) if event in last)


def taken_back(verified: Event, events: list[Event]) -> bool:
    """Whether a later audit of the same version no longer says so."""
    later = (one for one in events if one.model == verified.model and one.time > verified.time)
    return any(one.event == ledger.UNLEARNED for one in later)


def _today() -> date:
    return datetime.now(UTC).date()
