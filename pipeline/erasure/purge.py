"""Whom to erase, and what of them is to be found nowhere afterwards.

A request can be erased once it is in service: the champion has forgotten the person. With a person goes their whole
unit (keys that share pictures), and every open request of it is closed. What is to be looked for is entered into
`tombstones` before anything is removed, so that a run that was killed is finished by the next one, from the ledger and
the tombstones alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline import layout
from pipeline.erasure import ledger, requests, tombstones
from pipeline.erasure.ledger import Event
from pipeline.erasure.requests import Request
from pipeline.erasure.tombstones import Traces
from pipeline.errors import ConfigError, EraseError
from pipeline.hashes import file_hash


@dataclass(frozen=True)
class Due:
    """Requests.

    Attributes:
        ready: in service, so that their persons can be erased.
        waiting: open, and not in service yet.
        model: the champion that has forgotten all that are ready; empty where none is.
    """

    ready: list[Request]
    waiting: list[Request]
    model: str


@dataclass(frozen=True)
class Persons:
    """Whom the store still has of those to be erased.

    Attributes:
        keys: of the store, with all that share pictures with them.
        images: how many pictures of theirs the store holds.
        traces: of them in the store.
    """

    keys: frozenset[str]
    images: int
    traces: Traces


def due(champion: str) -> Due:
    """Open requests, by whether the champion has forgotten them.

    Args:
        champion: model name and version; empty where there is none.

    Raises:
        RequestError: a ledger cannot be read.
    """
    opened = [request for request in requests.read() if request.open]
    ready = [one for one in opened if one.in_service and one.model == champion]
    return Due(ready, [one for one in opened if one not in ready], champion if ready else "")


def persons(ready: list[Request], named_in_params: Iterable[str] = ()) -> Persons:
    """Whom to erase, as far as the store has them; nobody where it is gone or was rebuilt without them.

    Args:
        named_in_params: `split.forget_persons`.

    Raises:
        ConfigError: params.yaml names some of them.
        DataError: the store is damaged.
        EraseError: somebody is neither in the store nor among the erased: it is of other data.
        SaltError: the salt is not the one that made their keys.
    """
    from pipeline.data import groups, store

    salt = requests.own_salt(ready)
    wanted = {request.person for request in ready}
    if not (layout.FACES / store.INFO).exists():
        found, table = None, None
    else:
        found = store.open(layout.FACES)
        table = found.table
    keys: frozenset[str] = frozenset()
    if table is not None:
        unit = groups.units(table["person"], table["content"])
        by_unit = table["person"].astype(str).groupby(unit)
        asked = {str(name) for name, own in by_unit if any(salt.key(person) in wanted for person in own.unique())}
        gone = table[[name in asked for name in unit]]
        keys = frozenset(gone["person"].astype(str))
    absent = wanted - {salt.key(person) for person in keys} - tombstones.of_persons()
    if absent:
        raise EraseError(
            f"{len(absent)} of {len(wanted)} person(s) to erase are not in {layout.FACES}: run `dvc repro download` on "
            "the data they were forgotten in (`dlfd data use`), then erase"
        )
    if clash := keys & set(named_in_params):
        raise ConfigError(
            f"split.forget_persons in params.yaml names {len(clash)} of the persons to erase: empty it first, or no "
            "`dvc repro` would find them afterwards"
        )
    if found is None or not keys:
        return Persons(frozenset(), 0, Traces())
    rows = gone.index.to_numpy()
    pixels = frozenset(store.content_hash(found.images[row]) for row in rows)
    traces = Traces(persons=keys, pictures=frozenset(gone["content"]), pixels=pixels)
    return Persons(keys, len(rows), traces)


def along(waiting: list[Request], keys: Collection[str]) -> list[Request]:
    """Waiting requests that are closed as well: of persons who share pictures with somebody who is erased.

    Args:
        keys: of the store, of those to be erased; the tombstones say whom a run that was killed has erased.

    Raises:
        EraseError: the tombstones are damaged.
        SaltError: the salt is missing or damaged.
    """
    gone = tombstones.of_persons()
    if waiting and keys:
        salt = requests.own_salt([])
        gone |= {salt.key(person) for person in keys}
    return [one for one in waiting if one.person in gone]


def weights_in(folder: Path, spared: Iterable[str] = ()) -> set[str]:
    """SHA-256 of every model file below a folder that remembers somebody, or may.

    Args:
        spared: hashes of models that do not.
    """
    found = [path for path in folder.rglob("*") if path.is_file() and path.suffix in (".safetensors", ".pt2", ".pt")]
    return {file_hash(path) for path in found} - set(spared)


def enter(ready: list[Request], model: str, evidence: str) -> list[str]:
    """Enter that the data are erased; a request that has been entered is not entered again.

    Args:
        ready: requests that were in service. Those of other persons among the tombstones are entered too: their data
            went along, and nothing could ever forget them again.

    Returns:
        Ids of the requests that are closed now.

    Raises:
        EraseError: the tombstones are damaged.
        RequestError: the ledger cannot be written.
    """
    known, gone = {one.id for one in ready}, tombstones.of_persons()

    def decide(events: list[Event]) -> list[Event]:
        opened = [request for request in requests.fold(events) if request.open]
        chosen = [one for one in opened if one.id in known or one.person in gone]
        return [
            Event(one.id, ledger.ERASED, one.person, reason=evidence, model=model, time=ledger.now()) for one in chosen
        ]

    return [event.request for event in ledger.append(layout.REQUESTS, decide).events]
