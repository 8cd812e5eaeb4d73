"""The MLflow model registry: register what the gate accepted; versions, and the aliases that say which is in service.

Three aliases: `candidate` (the best accepted version for the present data and split), `champion` (in service) and
`previous` (in service before). What a registered model takes and answers is in `pipeline.serving.served_model`; who may
go into service, and back, in `pipeline.registry.promotion`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import layout
from pipeline.errors import RegistryError
from pipeline.hashes import file_hash
from pipeline.registry import gate, starting_point
from pipeline.tracking import tracking_store
from pipeline.tracking.run_tree import revision
from pipeline.tracking.tracking_store import Store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CANDIDATE, CHAMPION, PREVIOUS = "candidate", "champion", "previous"
ACCEPTED, WEIGHTS_SHA, CODE_SHA = "accepted", "weights_sha256", "code_sha256"
SAME = (WEIGHTS_SHA, CODE_SHA)  # versions alike in both are one
SAME_TASK = ("data_sha256", "split_sha256", "task")  # versions that differ in one of these are not comparable
DESCRIPTION = "A face classifier that has forgotten whom it should. Picture files -> labels and probabilities."


@dataclass(frozen=True)
class Version:
    """A registered model.

    Attributes:
        number: of the version, counted by MLflow.
        aliases: sorted.
        tags: what `register` wrote.
        created: in UTC.
        source: where MLflow has its files, `models:/m-<id of the logged model>`.
    """

    number: int
    aliases: list[str]
    tags: dict[str, str]
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    source: str = ""


@dataclass(frozen=True)
class Change:
    """An alias that moved: version before (None: there was none) and after."""

    before: int | None
    after: int


def provenance(folder: Path, info: Mapping[str, Any]) -> dict[str, str]:
    """Where a model comes from, as tags of its version.

    Args:
        folder: the model folder.
        info: its model.json.

    Raises:
        RegistryError: weights, data or split are missing.
    """
    from pipeline.learning import models

    return {
        "method": folder.name,
        "task": str(info.get("task", "")),
        "classes": ", ".join(map(str, info["classes"])),
        "image_size": str(info["image_size"]),
        "persons_forgotten": str(info.get("persons_forgotten", "")),
        "forget_set_hmac": str(info.get("forget_set", "")),
        "git.revision": revision(),
        "dvc.experiment": os.environ.get("DVC_EXP_NAME", ""),
        WEIGHTS_SHA: file_hash(folder / models.WEIGHTS),
        "data_sha256": file_hash(layout.FACES / "dataset.json", layout.FACES / "table.parquet"),
        "split_sha256": file_hash(layout.SPLITS / "splits.parquet"),
    }


def register(name: str, folder: Path, metrics: Mapping[str, Any], run_id: str | None = None) -> Version:
    """Register an accepted model, and make it the candidate if it is the best for its data and split.

    The same weights are registered once: again, the version that has them is returned. Where the code that a version
    carries has changed, the weights get a new version with it, which takes the candidate's place: else a mended decoder
    would never come into service.

    Args:
        name: of the registered model.
        folder: the model folder.
        metrics: of the model; the validation figures become tags.
        run_id: the MLflow run that registers it.

    Raises:
        ModelError: the model folder is incomplete or damaged.
        RegistryError: data or split are missing.
        TrackingError: MLflow cannot be reached or refuses.
    """
    from pipeline.learning import models

    info = models.load_info(folder)
    figures = {key: float(metrics[key]) for key in gate.NUMBERS}
    told = {key: f"{value:.6f}" for key, value in figures.items()} | {gate.VERDICT: str(metrics[gate.VERDICT])}
    tags = {**provenance(folder, info), **told, ACCEPTED: "true"}
    store = tracking_store.connect()

    def work() -> Version:
        from pipeline.serving import served_model

        tags[CODE_SHA] = served_model.code_hash()
        known = [version for version in _versions(store, name) if all(version.tags.get(k) == tags[k] for k in SAME)]
        if known:
            number = known[0].number
        else:
            models.load(folder)  # whole and undamaged?
            # also MLflow's client resolves a logged model by the module-level address
            with store.fluent(), starting_point.kept_files() as files:
                model_id = served_model.log(store, folder, info, figures, tags, run_id, files)
                number = _create_version(store, name, model_id, tags, run_id)
        _nominate(store, name, number)
        return _get(store, name, number)

    return store.call(work)


def every(name: str, store: Store | None = None) -> list[Version]:
    """All registered versions, newest first; empty when there is none.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    store = store or tracking_store.connect()
    return store.call(lambda: _versions(store, name))


def switch(name: str, number: int, store: Store | None = None) -> Change:
    """Make a version the champion, and the one before `previous`; again, it changes nothing. The champion's alias moves
    in one step, so that whoever reads it finds one or the other.

    Nothing is checked here: `pipeline.registry.promotion` decides who may go into service, and keeps the record.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    store = store or tracking_store.connect()

    def work() -> Change:
        before = _alias(store, name, CHAMPION)
        if before is not None and before != number:
            store.client.set_registered_model_alias(name, PREVIOUS, str(before))
        store.client.set_registered_model_alias(name, CHAMPION, str(number))
        return Change(before, number)

    return store.call(work)


def find(known: list[Version], name: str, number: int) -> Version:
    """The version with a number.

    Raises:
        RegistryError: there is none; says what to do.
    """
    if not known:
        raise RegistryError(nothing_yet(name))
    found = next((version for version in known if version.number == number), None)
    if found is None:
        numbers = ", ".join(str(version.number) for version in known)
        raise RegistryError(f"{name} has no version {number} (it has {numbers}): see `dlfd models list`")
    return found


def champion(known: list[Version]) -> Version | None:
    """The version in service."""
    return next((version for version in known if CHAMPION in version.aliases), None)


def holder(known: list[Version], alias: str) -> int | None:
    """The number of the version that has an alias."""
    return next((version.number for version in known if alias in version.aliases), None)


def nothing_yet(name: str) -> str:
    return (
        f"no registered model {name!r} yet: run `dvc repro` (where it says that everything is up to date: "
        "`dvc repro --force --single-item register`). reports/registration.json says why a model was refused."
    )


def of_all_names(store: Store) -> list[ModelVersion]:
    """What MLflow has of every registered model; inside `Store.call` only."""
    return tracking_store.all_pages(lambda token: store.client.search_model_versions("", page_token=token))


def _versions(store: Store, name: str) -> list[Version]:
    # not by MLflow's filter: a quote in the name would break it
    mine = [version for version in of_all_names(store) if version.name == name]
    if not mine:
        return []
    aliases = store.client.get_registered_model(name).aliases
    return sorted((_version(one, aliases) for one in mine), key=lambda version: -version.number)


def _get(store: Store, name: str, number: int) -> Version:
    return _version(store.client.get_model_version(name, str(number)), store.client.get_registered_model(name).aliases)


def _version(found: ModelVersion, aliases: Mapping[str, Any]) -> Version:
    number = int(found.version)
    own = sorted(alias for alias, version in aliases.items() if int(version) == number)
    created = datetime.fromtimestamp(found.creation_timestamp / 1000, UTC)
    return Version(number, own, dict(found.tags), created, str(found.source or ""))


def _alias(store: Store, name: str, alias: str) -> int | None:
    if not _versions(store, name):
        return None
    version = store.client.get_registered_model(name).aliases.get(alias)
    return None if version is None else int(version)


def _nominate(store: Store, name: str, number: int) -> None:
    """The best one wins, whichever of several experiments finishes last. A version for other data, or for another
    split (other persons to forget), always gives way: the old one has not forgotten whom it should. So does one with
    the same weights, whose code is older.
    """
    holder = _alias(store, name, CANDIDATE)
    if holder is not None and holder != number:
        held, new = _get(store, name, holder).tags, _get(store, name, number).tags
        comparable = all(held.get(key) == new.get(key) for key in SAME_TASK)
        better = gate.merit(held) >= gate.merit(new)
        if comparable and better and held.get(WEIGHTS_SHA) != new.get(WEIGHTS_SHA):
            return
    store.client.set_registered_model_alias(name, CANDIDATE, str(number))


def _create_version(store: Store, name: str, model_id: str, tags: dict[str, str], run_id: str | None) -> int:
    from mlflow.exceptions import MlflowException

    with contextlib.suppress(MlflowException):  # it exists; anything else is said by the next call
        store.client.create_registered_model(name, description=DESCRIPTION)
    made = store.client.create_model_version(name, f"models:/{model_id}", run_id, tags=tags, model_id=model_id)
    return int(made.version)
