"""Removing from MLflow what remembers or shows the erased: versions with their artifacts, logged models, pictures.

MLflow deletes softly: a deleted run or model leaves its rows, and a deleted version its weights on the disk (mlflow
19467). So the artifacts are removed first, through the artifact store itself, then the version, the logged model, and
last what `mlflow gc` sweeps up. Metrics, parameters and tags of runs stay.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlparse

from pipeline.erasure.requests import Request
from pipeline.errors import EraseError, TrackingError
from pipeline.registry import evidence, versions
from pipeline.registry.versions import Version
from pipeline.tracking import tracking_store
from pipeline.tracking.tracking_store import Store

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run

T = TypeVar("T")

SHOWS = (".png", ".jpg", ".jpeg", ".npy", ".npz", ".parquet", ".safetensors", ".pt", ".pt2", ".pth")
PAGES = ("report.html",)  # with pictures in them


@dataclass(frozen=True)
class Remains:
    """What MLflow has of the erased.

    Attributes:
        versions: `name/number` of registered versions that remember somebody.
        models: ids of logged models of this experiment that belong to no version that is kept, and of the versions
            to go, whatever experiment they were logged in.
        runs: ids of runs that somebody deleted, softly.
        shown: run id -> paths of artifacts that show or hold pictures or weights.
        orphans: local folders of models that MLflow has no row of any more.
        size: of the files, in bytes, as far as it is known.
        locations: local folders where artifacts lie; `remote`: places that are none.
    """

    versions: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    shown: dict[str, list[str]] = field(default_factory=dict)
    orphans: list[Path] = field(default_factory=list)
    size: int = 0
    locations: list[Path] = field(default_factory=list)
    remote: list[str] = field(default_factory=list)

    @property
    def folders(self) -> list[Path]:
        """Local ones of models that are to go."""
        own = [place / "models" / model for place in self.locations for model in self.models]
        return [*(folder for folder in own if folder.is_dir()), *self.orphans]


def registered(name: str) -> dict[str, list[Version]]:
    """Registered names -> versions of this project, newest first: all of its own name, and those that were registered
    under other names and whose models are in its experiment.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    store = tracking_store.connect()

    def work() -> dict[str, list[Version]]:
        ours = {one.model_id for one in _logged_models(store)}
        every = versions.of_all_names(store)
        names = {name, *(one.name for one in every if _model_id(str(one.source)) in ours)}
        found = {one: versions.every(one, store) for one in sorted(names)}
        return {
            one: [version for version in own if one == name or _model_id(version.source) in ours]
            for one, own in found.items()
        }

    return store.call(work)


def to_keep(name: str, known: Mapping[str, list[Version]], asked: list[Request]) -> set[str]:
    """Versions, as `name/number`, that have forgotten everybody who is to be erased, each by its own evidence.

    Args:
        name: of the registered model whose champion the requests are in service with.
        known: as of `registered`.

    Raises:
        EraseError: what is in service under another name is not among them.
        TrackingError: MLflow cannot be reached.
    """
    keep = {model for one, own in known.items() for model in evidence.forgetful(one, own, asked)}
    serving = {one: f"{one}/{found.number}" for one, own in known.items() if (found := versions.champion(own))}
    if lost := {one: model for one, model in serving.items() if one != name and model not in keep}:
        other = next(iter(lost))
        raise EraseError(
            f"{', '.join(lost.values())}: in service under another name (alias {versions.CHAMPION}), and its evidence "
            "does not say that it has forgotten everybody who is to be erased. Promote a version there that has "
            f"(`dlfd models promote --name {other}`) and the one of {name} once more, or remove that alias "
            f'(`MlflowClient().delete_registered_model_alias("{other}", "{versions.CHAMPION}")`)'
        )
    return keep


def find(name: str, keep: Iterable[str]) -> Remains:
    """What there is to remove.

    Args:
        name: of the registered model.
        keep: `name/number` of versions that have forgotten everybody who is to be erased, of every name.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    store = tracking_store.connect()
    return store.call(lambda: _find(store, name, set(keep)))


def remove(found: Remains) -> None:
    """Remove it. What is gone already is no error, so that a run that was killed can be repeated.

    Raises:
        TrackingError: MLflow cannot be reached or refuses.
    """
    store = tracking_store.connect()
    store.call(lambda: _remove(store, found))


def local_artifacts() -> list[Path]:
    """Folders of this disk where MLflow keeps artifacts of the project.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    store = tracking_store.connect()
    location = store.call(lambda: str(store.client.get_experiment(store.experiment).artifact_location))
    return _places([location])[0]


def _find(store: Store, name: str, keep: set[str]) -> Remains:
    from mlflow.entities import ViewType

    client, experiment = store.client, store.experiment
    logged = _logged_models(store)
    ours = {one.model_id for one in logged}
    every = {f"{one.name}/{one.version}": one for one in versions.of_all_names(store)}
    gone = [  # of this project, whatever name it was registered under: a server may hold others' too
        key
        for key, one in every.items()
        if key not in keep and (one.name == name or _model_id(str(one.source)) in ours)
    ]
    kept = {_model_id(str(one.source)) for key, one in every.items() if key not in gone}
    # logged while MLFLOW_EXPERIMENT_NAME named another experiment
    others = {_model_id(str(every[key].source)) for key in gone} - ours - kept
    elsewhere: list[LoggedModel] = _known(others, client.get_logged_model)
    models = [*(one for one in logged if one.model_id not in kept), *elsewhere]
    locations, remote = _places([str(client.get_experiment(experiment).artifact_location)])
    there = {folder.name for place in locations for folder in (place / "models").glob("m-*")}
    listed = {one.model_id for one in models} | kept
    orphans = [place / "models" / one for place in locations for one in sorted(there - listed)]
    deleted = [run.info.run_id for run in _runs(store, ViewType.DELETED_ONLY)]
    shown: dict[str, list[str]] = {}
    size = 0
    logged_by = {one.source_run_id for one in elsewhere if one.source_run_id}
    for run in [*_runs(store, ViewType.ALL), *_known(logged_by, client.get_run)]:
        files = list(_artifacts(run, all_of_them=run.info.run_id in deleted))
        if files:
            shown[run.info.run_id] = [path for path, _ in files]
        size += sum(length for _, length in files)
    ids = [one.model_id for one in models]
    remains = Remains(gone, ids, deleted, shown, orphans, 0, locations, remote)
    size += sum(path.stat().st_size for folder in remains.folders for path in folder.rglob("*") if path.is_file())
    return Remains(remains.versions, ids, deleted, shown, orphans, size, locations, remote)


def _remove(store: Store, found: Remains) -> None:
    import shutil

    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    client = store.client
    with store.fluent():
        for run_id, paths in found.shown.items():
            with _gone_is_fine():
                repository = get_artifact_repository(client.get_run(run_id).info.artifact_uri)
                for path in paths:
                    repository.delete_artifacts(path)
        for model_id in found.models:
            with _gone_is_fine(), suppress(FileNotFoundError):
                get_artifact_repository(client.get_logged_model(model_id).artifact_location).delete_artifacts()
        for version in found.versions:
            with _gone_is_fine():
                _delete_version(client, *version.rsplit("/", 1))
        for model_id in found.models:
            with _gone_is_fine():
                client.delete_logged_model(model_id)
        for folder in found.folders:
            shutil.rmtree(folder, ignore_errors=True)
    _collect(store, found)


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    """A run that was killed may have deleted it; any other refusal goes through."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if not tracking_store.says_gone(error):
            raise


def _delete_version(client: Any, name: str, number: str) -> None:
    for alias, holder in client.get_registered_model(name).aliases.items():
        if str(holder) == number:
            client.delete_registered_model_alias(name, alias)
    client.delete_model_version(name, number)


def _collect(store: Store, found: Remains) -> None:
    """`mlflow gc`: of a file of ours everything that was deleted; of a database that others share, what is ours.

    Raises:
        TrackingError: it failed.
    """
    if store.uri.startswith("http"):
        return  # it needs the database behind the server: whoever runs that is told to
    command = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", store.uri, "--tracking-uri", store.uri]
    if not store.uri.startswith("sqlite"):
        if not found.runs and not found.models:
            return
        command += ["--run-ids", ",".join(found.runs)] if found.runs else []
        command += ["--logged-model-ids", ",".join(found.models)] if found.models else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise TrackingError(f"`mlflow gc` failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")


def _logged_models(store: Store) -> list[LoggedModel]:
    return tracking_store.all_pages(
        lambda token: store.client.search_logged_models([store.experiment], page_token=token)
    )


def _known(ids: Iterable[str], ask: Callable[[str], T]) -> list[T]:
    """What MLflow says of each that it still has."""
    found = []
    for one in sorted(ids):
        with _gone_is_fine():
            found.append(ask(one))
    return found


def _runs(store: Store, view: int) -> list[Run]:
    return tracking_store.all_pages(
        lambda token: store.client.search_runs([store.experiment], run_view_type=view, page_token=token)
    )


def _artifacts(run: Run, *, all_of_them: bool) -> Iterable[tuple[str, int]]:
    """Path and size of a run's artifacts that show or hold something; of a deleted run: of all."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(run.info.artifact_uri)
    folders: list[str | None] = [None]
    while folders:
        for one in repository.list_artifacts(folders.pop()):
            if one.is_dir:
                folders.append(one.path)
            elif all_of_them or one.path.lower().endswith(SHOWS) or one.path.rpartition("/")[2] in PAGES:
                yield one.path, int(one.file_size or 0)


def _model_id(source: str) -> str:
    return source.rstrip("/").rpartition("/")[2]


def _places(addresses: list[str]) -> tuple[list[Path], list[str]]:
    """Artifact locations that are local folders, and those that are not."""
    local, remote = [], []
    for address in addresses:
        parts = urlparse(address)
        if parts.scheme in ("", "file"):
            local.append(Path(unquote(parts.path)))
        else:
            remote.append(address)
    return local, remote
