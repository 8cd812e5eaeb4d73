"""What the stage `split` does: who is retained, forgotten (now or in an earlier round), held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline import layout, pseudonyms
from pipeline.config import Params
from pipeline.data import splits, store
from pipeline.erasure import requests, rounds


@dataclass(frozen=True)
class Outcome:
    """What there is to tell of a split.

    Attributes:
        summary: of `splits.json`.
        new: persons with open requests whom the model that the round starts from has not forgotten.
        earlier: those whom it has.
        start: name and version of that model; empty where it is the original.
    """

    summary: dict[str, Any]
    new: int
    earlier: int
    start: str


def make_split(params: Params) -> Outcome:
    """Divide the persons of the store as the open requests, the round and params say, and write workspace/splits/.

    Raises:
        ConfigError: a round is to start from the model in service and none has begun, or as `splits.make`.
        DataError: the store is missing or damaged, or as `splits.make`.
        RequestError: a ledger or erasure/ cannot be read, or an open request is of nobody in the store.
        SaltError: the salt is missing, or is not the one that made the keys of open requests.
    """
    faces = store.open(layout.FACES)
    persons = [str(person) for person in faces.table["person"].unique()]
    asked = requests.open_by_id(persons)
    base = rounds.base_of(params.unlearn.start_from)
    earlier = {asked[name] for name in asked if base and name in base.requests}
    new = set(asked.values()) - earlier
    split = splits.make(
        faces.table,
        faces.info["classes"],
        task=params.task,
        settings=params.split,
        seed=params.seed,
        requested=new,
        forgotten=earlier,
        kept=rounds.own_sides(persons, pseudonyms.load()) if rounds.read_sides() else {},
    )
    splits.write(split, layout.SPLITS)
    return Outcome(split.summary, len(new), len(earlier), base.model if base else "")
