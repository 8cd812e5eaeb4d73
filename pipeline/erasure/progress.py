"""What the pipeline and the registry did about open requests, entered into requests_progress.csv.

A request is *unlearned* by a registered version where no picture of the person was held out or retained: all that
could be learned was in the forget set. It is *verified* where the audit of that version finds nothing: its verdict is
neither `remembers` nor `over-forgotten`, and the person is not `detected` among never-seen ones; persons of earlier
rounds have a verdict of their own, and are entered for the new version too. The audit reads `unseen`, which chose
nothing. It is *in service* while the champion is a version that has unlearned it. A version made after a person was
erased is entered as having unlearned them as well, so that it is known from older ones that remember.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline import layout, pseudonyms
from pipeline.erasure import ledger, requests
from pipeline.erasure.ledger import Event
from pipeline.erasure.requests import Request
from pipeline.errors import SaltError

if TYPE_CHECKING:
    import pandas as pd

NEVER_SEEN = "data erased before it was made"
REFUTED = ("remembers", "over-forgotten")  # verdicts of `pipeline.evaluation.verdict` that verify nobody


@dataclass(frozen=True)
class Service:
    """What a version in service means for the open requests.

    Attributes:
        forgotten: those whom it has unlearned.
        known: those whom it may still know.
    """

    forgotten: list[Request]
    known: list[Request]


def of_method(name: str, model: str, audit: Mapping[str, Any]) -> dict[str, str]:
    """`registered` for a method of this run; its split and ranks are read where there are open requests.

    Raises:
        DataError: the split is missing or damaged.
        RequestError, SaltError: a ledger or the salt cannot be used.
    """
    if not any(request.open or request.erased for request in requests.read()):
        return {}
    from pipeline.data import splits

    return registered(model, splits.read(layout.SPLITS), audit, ranked(name))


def ranked(name: str) -> pd.DataFrame:
    """Ranks of a method's forgotten persons among never-seen ones, of this round and of earlier ones.

    Raises:
        SaltError: their keys are of another salt, so that none of the ranks would be found.
    """
    import pandas as pd

    folder = layout.EVALUATION / name
    tables = [pd.read_csv(folder / file) for file in layout.PERSONS]
    found = pd.concat([table for table in tables if len(table)] or tables[:1])
    salt = pseudonyms.load()
    if not all(salt.made(key) for key in found["person"]):
        raise SaltError(
            f"{folder} has person keys that another salt made than {salt.path}: "
            f"`dvc repro --force --single-item evaluate@{name}`, then `dvc repro`"
        )
    return found


def registered(model: str, splits: pd.DataFrame, audit: Mapping[str, Any], persons: pd.DataFrame) -> dict[str, str]:
    """Enter what a registered version did for the open requests.

    Args:
        model: name and version, such as `unlearned-face-classifier/3`.
        splits: the split table that it was trained with.
        audit: its metrics, with the `verdict`.
        persons: its persons.csv, and those of earlier rounds.

    Returns:
        Request id -> what the audit says of it; requests that are not in the split, as those that came in since it was
        made, are left out.

    Raises:
        RequestError, SaltError: a ledger or the salt cannot be used.
    """
    every = requests.read()
    found, erased = [one for one in every if one.open], [one for one in every if one.erased]
    if not found and not erased:
        return {}
    salt = requests.own_salt([*found, *erased])
    forgotten = _forgotten(splits)
    units = {salt.key(person): salt.key(unit) for person, unit in forgotten.items()}
    done = [request for request in found if request.person in units]
    ranks = persons.set_index("person")
    before = {salt.key(person) for person in splits.loc[splits["subset"] == "forgotten", "person"].unique()}
    told: dict[str, str] = {}
    there = {salt.key(person) for person in splits["person"].unique()} if erased else set()
    events = [_event(one, ledger.UNLEARNED, model, NEVER_SEEN) for one in erased if one.person not in there]
    for request in done:
        verdict = str(audit["forgotten_verdict" if request.person in before else "verdict"])
        good, evidence = _evidence(units[request.person], verdict, ranks)
        told[request.id] = f"{'verified' if good else 'unlearned, not verified'}: {evidence}"
        events.append(_event(request, ledger.UNLEARNED, model, "" if good else f"not verified: {evidence}"))
        if good:
            events.append(_event(request, ledger.VERIFIED, model, evidence))
    _enter(events)
    return told


def covered(splits: pd.DataFrame) -> dict[str, str]:
    """Requests that a model of this split has forgotten, withdrawn ones aside: request id -> key of the person's unit.

    These are open requests all of whose pictures are forgotten or excluded, and erased ones of which no other picture
    is left. Of an erased request whose key another salt made nobody can tell: it is not among them.

    Args:
        splits: the split table that the model was trained with.

    Raises:
        RequestError, SaltError: a ledger or the salt cannot be used.
    """
    found = [request for request in requests.read() if not request.withdrawn]
    if not found:
        return {}
    salt = requests.own_salt(request for request in found if request.open)
    units = {salt.key(person): salt.key(unit) for person, unit in _forgotten(splits).items()}
    present = {salt.key(person) for person in splits["person"].unique()}
    gone = {one.person for one in found if not one.open and salt.made(one.person)} - present
    units |= {person: person for person in gone if person not in units}
    return {request.id: units[request.person] for request in found if request.person in units}


def has_unlearned(request: Request, model: str, own: Collection[str] | None) -> bool:
    """Whether a version has unlearned a request: by the ledger and, where the version has evidence, by that too.

    The ledger names versions by number. Merged with that of a checkout which has another registry, it speaks of that
    one's versions too.

    Args:
        own: keys of the persons whom the version's own evidence says it has forgotten; None: it has no evidence.
    """
    return model in request.unlearned_by() and (own is None or request.person in own)


def service(model: str, own: Collection[str] | None) -> Service:
    """Whom of the open requests a version has unlearned; `own` as in `has_unlearned`.

    Raises:
        RequestError: a ledger cannot be read.
    """
    found = [request for request in requests.read() if request.open]
    forgotten = [request for request in found if has_unlearned(request, model, own)]
    return Service(forgotten, [request for request in found if request not in forgotten])


def put_into_service(model: str, own: Collection[str] | None) -> Service:
    """Enter that a version is the champion now: requests that it has unlearned are in service, others no longer.

    Raises:
        RequestError: a ledger cannot be used.
    """
    now = service(model, own)
    came = [one for one in now.forgotten if not one.in_service or one.model != model]
    gone = [one for one in now.known if one.in_service]
    _enter([_event(one, ledger.IN_SERVICE, model) for one in came])
    _enter([_event(one, ledger.OUT_OF_SERVICE, model, "the champion has not forgotten the person") for one in gone])
    return now


def _forgotten(splits: pd.DataFrame) -> dict[str, str]:
    """Person -> unit, of persons all of whose pictures are to be forgotten, were so before or are excluded."""
    gone = splits["subset"].isin(["forget", "forgotten", "excluded"]).groupby(splits["person"]).all()
    unit = splits.groupby("person")["unit"].first()
    return {str(person): str(unit[person]) for person in gone.index[gone]}


def _evidence(unit: str, verdict: str, ranked: pd.DataFrame) -> tuple[bool, str]:
    """Whether the audit verifies a person, and what it says."""
    if unit not in ranked.index:
        return verdict not in REFUTED, f"verdict {verdict}; no picture of theirs was learned"
    row = ranked.loc[unit]
    rank = f"verdict {verdict}; rank {row['rank']:.3g} among never-seen persons"
    if row["detected"]:
        return False, f"{rank}: detected"
    return verdict not in REFUTED, rank


def _about(event: Event) -> tuple[str, str]:
    return event.request, event.model


def _said(events: list[Event], about: tuple[str, str]) -> list[tuple[str, str]]:
    """What was last said of a version and a request: that it has unlearned it and, after that, whether it verifies."""
    told = [(one.event, one.reason) for one in sorted(events, key=lambda one: one.time) if _about(one) == about]
    starts = [place for place, (event, _) in enumerate(told) if event == ledger.UNLEARNED]
    return [one for one in told[starts[-1] :] if one[0] in (ledger.UNLEARNED, ledger.VERIFIED)] if starts else []


def _event(request: Request, event: str, model: str, reason: str = "") -> Event:
    return Event(request.id, event, request.person, reason=reason, model=model, time=ledger.now())


def _enter(events: list[Event]) -> None:
    """Each once: a stage that runs again, as of a lost report, tells nothing new. Service comes and goes, and what an
    audit says of a version may change."""

    def decide(known: list[Event]) -> list[Event]:
        passing = (ledger.IN_SERVICE, ledger.OUT_OF_SERVICE)
        same = {one for one in {_about(one) for one in events} if _said(known, one) == _said(events, one)}
        return [one for one in events if one.event in passing or _about(one) not in same]

    if events:
        ledger.append(requests.progress_file(), decide)
