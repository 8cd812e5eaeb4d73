"""Who may go into service, and back: checks, the switch, and what must follow it.

A version goes into service if it passed the gate (and passes the one of params.yaml today), has forgotten everybody who
asked and whom the champion has forgotten, and its files are those that were registered. A rollback goes to the newest
earlier version that passed the gate, is intact and has forgotten everything due.

*Due* is each request, withdrawn ones aside, that a model in service has ever forgotten, or whose due date has come: a
person to whom it was said, or should have been, that they are forgotten. A request of yesterday that the champion does
not honour either keeps nobody from leaving a broken champion.

The steps of a change, each of which may be done again: entry in the record, `previous`, champion (in one step), events
of the requests, certificate, entry finished. See `pipeline.registry.service_record`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pipeline.erasure import intake, ledger, progress, requests
from pipeline.erasure.requests import Request
from pipeline.errors import RegistryError
from pipeline.registry import evidence, gate, service_record, versions
from pipeline.registry.service_record import PROMOTE, ROLLBACK, Entry
from pipeline.registry.versions import Change, Version
from pipeline.settings import RegisterSettings
from pipeline.tracking import tracking_store
from pipeline.tracking.tracking_store import Store


@dataclass(frozen=True)
class Plan:
    """A change that may be carried out.

    Attributes:
        name: of the registered model.
        version: that goes into service.
        before: the present champion; None: there is none.
        entry: for the record. Of a change that was killed half-way, the entry which that wrote.
        in_service: the version is the champion already: only what must follow is done, where it was not.
        skipped: of a rollback, newer versions and why they were passed over.
    """

    name: str
    version: Version
    before: int | None
    entry: Entry
    in_service: bool = False
    skipped: dict[int, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """A change that was carried out."""

    change: Change
    entry: Entry
    service: progress.Service


def plan_promotion(name: str, number: int | None, settings: RegisterSettings, force: str | None = None) -> Plan:
    """What promoting a version means. Nothing is changed.

    Args:
        number: None: the candidate.
        settings: of the acceptance gate, today.
        force: why it must be, whatever speaks against it.

    Raises:
        RegistryError: there is no such version, or it is refused; says all reasons. Or `force` is no reason.
        RequestError: a ledger cannot be read.
        TrackingError: MLflow cannot be reached.
    """
    _check_reason(force)
    store = tracking_store.connect()
    known = versions.every(name, store)
    version = versions.find(known, name, _candidate(known, name) if number is None else number)
    before = versions.holder(known, versions.CHAMPION)
    asked = requests.read()
    last = _last(name, store)
    if last and last.after == version.number == before:  # in service, perhaps without what should have followed
        return Plan(name, version, before, last, in_service=True)
    owed = _owed_by(_persons(name, known, before, asked, store), asked)
    reasons = examine(name, version, store, owed, asked, settings)
    if reasons and not force:
        told = "".join(f"\n  - {reason}" for reason in reasons)
        raise RegistryError(
            f"version {version.number} of {name} does not go into service:{told}\n"
            '`--force "why"` puts it there all the same, and the reason into the record and the certificate.'
        )
    entry = Entry(PROMOTE, before, version.number, force if reasons and force else "", reasons)
    return Plan(name, version, before, _numbered(entry, last))


def plan_rollback(name: str) -> Plan:
    """Which version a rollback goes to. Nothing is changed.

    Raises:
        RegistryError: there is no champion, or no earlier version may go into service; says why for each.
        RequestError: a ledger cannot be read.
        TrackingError: MLflow cannot be reached.
    """
    store = tracking_store.connect()
    known = versions.every(name, store)
    if not known:
        raise RegistryError(versions.nothing_yet(name))
    before = versions.holder(known, versions.CHAMPION)
    if before is None:
        raise RegistryError(f"nothing to roll {name} back from: there is no champion. `dlfd models promote` makes one")
    last = _last(name, store)
    if last and not last.finished and (last.action, last.after) == (ROLLBACK, before):
        return Plan(name, versions.find(known, name, before), before, last, in_service=True)
    asked = requests.read()
    owed = _due(_persons(name, known, before, asked, store), asked)
    skipped: dict[int, list[str]] = {}
    for version in known:
        if version.number >= before:
            continue
        if not (reasons := examine(name, version, store, owed, asked)):
            entry = _numbered(Entry(ROLLBACK, before, version.number), last)
            return Plan(name, version, before, entry, skipped=skipped)
        skipped[version.number] = reasons
    told = "".join(f"\n  - version {number}: {'; '.join(reasons)}" for number, reasons in skipped.items())
    raise RegistryError(
        f"version {before} of {name} stays in service: "
        + (f"no earlier version may take its place:{told}" if told else "it is the first")
        + "\n`dvc repro` makes a new one; `dlfd models promote VERSION` also takes a newer one of `dlfd models list`."
    )


def carry_out(plan: Plan, certify: Callable[[Plan], None]) -> Done:
    """Make the change and all that follows from it. Killed at any point, it is completed by being done again.

    Args:
        certify: writes the certificate; where it raises, the version is in service and the entry stays unfinished.

    Raises:
        RegistryError: the champion is another than when the plan was made.
        RequestError: a ledger cannot be written.
        TrackingError: MLflow cannot be reached.
    """
    store = tracking_store.connect()

    def work() -> Change:
        before = versions.holder(versions.every(plan.name, store), versions.CHAMPION)
        if before != plan.before:
            raise RegistryError(f"meanwhile {plan.name} has another champion, version {before}: look again")
        if plan.in_service:
            return Change(before, plan.version.number)
        service_record.write(plan.name, plan.entry, store)
        return versions.switch(plan.name, plan.version.number, store)

    change = store.call(work)
    service = progress.put_into_service(f"{plan.name}/{plan.version.number}", evidence.persons(plan.version, store))
    certify(plan)
    entry = plan.entry if plan.entry.finished else service_record.finish(plan.name, plan.entry, store)
    return Done(change, entry, service)


def examine(
    name: str,
    version: Version,
    store: Store,
    owed: Iterable[Request],
    asked: list[Request],
    settings: RegisterSettings | None = None,
) -> list[str]:
    """All that speaks against a version's service, a sentence each.

    Args:
        owed: requests that it must have forgotten.
        asked: all requests.
        settings: of the gate; None: that it passed when it was registered is enough.
    """
    reasons, found = [], None
    if version.tags.get(versions.ACCEPTED) != "true":
        reasons.append(f"it did not pass the acceptance gate (its tag {versions.ACCEPTED} is not true)")
    try:
        found = evidence.read(version, store)
    except RegistryError as error:
        reasons.append(str(error))
    if found and settings:
        told = found.told["metrics"]
        refused = gate.decide(told["original"], {"it": _numbers(told["model"])}, settings).reasons["it"]
        reasons += [f"the gate of params.yaml refuses it: {reason}" for reason in refused]
    has = found.persons if found else _by_ledger(name, version.number, asked)
    if lacking := sorted(request.id for request in owed if request.person not in has):
        reasons.append(f"it may still know {len(lacking)} person(s) to be forgotten: request(s) {', '.join(lacking)}")
    if found:
        try:
            changed = evidence.changed_files(version, found, store)
            if changed:
                reasons.append(f"its files in MLflow are not those that were registered: {', '.join(changed)}")
        except RegistryError as error:
            reasons.append(str(error))
    return reasons


def _check_reason(force: str | None) -> None:
    if force is None:
        return
    if not force.strip():
        raise RegistryError("--force needs a reason, which goes into the record and the certificate")
    if problem := intake.unreadable(force):
        raise RegistryError(f"--force: {problem}")


def _candidate(known: list[Version], name: str) -> int:
    if not known:
        raise RegistryError(versions.nothing_yet(name))
    number = versions.holder(known, versions.CANDIDATE)
    if number is None:
        raise RegistryError(f"{name} has no {versions.CANDIDATE}: name a version of `dlfd models list`")
    return number


def _numbered(entry: Entry, last: Entry | None) -> Entry:
    """The next entry of the record; of a change that was killed before the switch, the same one again."""
    if last is None:
        return entry
    change = (entry.action, entry.before, entry.after)
    if not last.finished and change == (last.action, last.before, last.after):
        return replace(entry, time=last.time, number=last.number)
    return replace(entry, number=last.number + 1)


def _last(name: str, store: Store) -> Entry | None:
    return next(reversed(service_record.read(name, store)), None)


def _persons(name: str, known: list[Version], number: int | None, asked: list[Request], store: Store) -> set[str]:
    """Keys of those whom a version has forgotten, by what is stored with it and by the ledger: one may be lost."""
    if number is None:
        return set()
    own = evidence.persons(versions.find(known, name, number), store) or set()
    return _by_ledger(name, number, asked) | own


def _by_ledger(name: str, number: int, asked: list[Request]) -> set[str]:
    return {request.person for request in asked if f"{name}/{number}" in request.unlearned_by()}


def _owed_by(persons: set[str], asked: list[Request]) -> list[Request]:
    """Requests, withdrawn ones aside, of these persons."""
    return [request for request in asked if request.person in persons and not request.withdrawn]


def _due(persons: set[str], asked: list[Request]) -> list[Request]:
    """What a rollback must not bring back: requests of whom the champion has forgotten, that were ever in service, or
    whose due date has come."""
    today = datetime.now(UTC).date().isoformat()
    return [
        request
        for request in asked
        if not request.withdrawn
        and (request.person in persons or request.due <= today or _ever_in_service(request) or not request.open)
    ]


def _ever_in_service(request: Request) -> bool:
    return any(event.event == ledger.IN_SERVICE for event in request.events)


def _numbers(metrics: dict[str, object]) -> dict[str, object]:
    """Null, as JSON has it, is no number."""
    return {key: float("nan") if value is None else value for key, value in metrics.items()}
