"""The model folder of a registered version, on this machine."""

from __future__ import annotations

from pathlib import Path

import mlflow.artifacts

from pipeline.errors import RegistryError
from pipeline.hashes import file_hash
from pipeline.learning import models
from pipeline.registry import versions
from pipeline.registry.versions import Version
from pipeline.serving.served_model import MODEL
from pipeline.tracking import tracking_store


def fetch(name: str, number: int | None = None, alias: str = versions.CHAMPION) -> Path:
    """The model folder of a registered version, downloaded where the artifacts are elsewhere.

    Args:
        name: of the registered model.
        number: of the version; default: the one that has the alias.

    Raises:
        RegistryError: there is no such version, it holds no model folder, or its weights are not those that were
            registered.
        TrackingError: MLflow cannot be reached.
    """
    version = _chosen(name, number, alias)
    store = tracking_store.connect()

    def work() -> Path:
        with store.fluent():
            return Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version.number}")) / MODEL

    folder = store.call(work)
    told = f"version {version.number} of {name}"
    if not (folder / models.WEIGHTS).is_file():
        raise RegistryError(f"{told} holds no {MODEL}: it was registered by hand, or before there was `dlfd predict`")
    registered = version.tags.get(versions.WEIGHTS_SHA)
    if registered and registered != file_hash(folder / models.WEIGHTS):
        raise RegistryError(f"the weights of {told} are not those that were registered: do not use it, see {folder}")
    return folder


def _chosen(name: str, number: int | None, alias: str) -> Version:
    known = versions.every(name)
    if not known:
        raise RegistryError(versions.nothing_yet(name))
    wanted = (one for one in known if one.number == number or (number is None and alias in one.aliases))
    if found := next(wanted, None):
        return found
    numbers = ", ".join(str(version.number) for version in known)
    if number is not None:
        raise RegistryError(f"{name} has no version {number} (it has {numbers}): see `dlfd models list`")
    raise RegistryError(f"{name} has no {alias}: make one with `dlfd models promote`, or name a version ({numbers})")
