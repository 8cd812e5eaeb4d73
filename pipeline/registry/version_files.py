"""The files that MLflow keeps of a registered version: their hashes, and small documents beside them.

They belong to MLflow's logged model, so they are read and written in the same way on a local disk, in an object store
and through a tracking server. Everything here runs inside `Store.call`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.hashes import file_hash
from pipeline.tracking import tracking_store
from pipeline.tracking.tracking_store import Store

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

LOGGED = "models:/m-"
DOCUMENTS = "evidence"  # the folder of what is written beside a model after it was logged
NOTES = (".md", ".html")  # for people: nothing loads them
MLFLOWS_OWN = "registered_model_meta"  # MLflow writes it where a version is downloaded to, also in place
CACHE = "__pycache__"  # and Python this, where a model with code is loaded in place


def hashes(store: Store, source: str) -> dict[str, str]:
    """SHA-256 of every file that a served model is loaded from: path in the model's folder -> 64 hex digits.

    Args:
        source: of the registered version, `models:/m-<id of the logged model>`.

    Raises:
        RegistryError: it is no logged model, or its files are gone.
    """
    with tempfile.TemporaryDirectory(prefix="dlfd-") as folder:
        root = Path(_repository(store, source).download_artifacts("", dst_path=folder))
        files = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
        return {name: file_hash(path) for name, path in files.items() if _counts(PurePosixPath(name))}


def read(store: Store, source: str, name: str) -> bytes:
    """A document.

    Raises:
        RegistryError: there is none of this name, or as `hashes`.
    """
    path, repository = f"{DOCUMENTS}/{name}", _repository(store, source)
    if path not in {
        one.path for one in repository.list_artifacts(DOCUMENTS)
    }:  # each kind of store fails in its own way
        raise RegistryError(f"MLflow no longer has its file {path}")
    with tempfile.TemporaryDirectory(prefix="dlfd-") as folder:
        return Path(repository.download_artifacts(path, dst_path=folder)).read_bytes()


def write(store: Store, source: str, name: str, content: bytes) -> None:
    """Put a document beside a model.

    Raises:
        RegistryError: as `hashes`.
    """
    with tempfile.TemporaryDirectory(prefix="dlfd-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        _repository(store, source).log_artifact(str(path), DOCUMENTS)


def _counts(path: PurePosixPath) -> bool:
    own = path.parts[0] == DOCUMENTS or CACHE in path.parts or path.name == MLFLOWS_OWN
    return not own and path.suffix not in NOTES


def _repository(store: Store, source: str) -> ArtifactRepository:
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if not source.startswith(LOGGED):
        raise RegistryError(f"it was not registered by this pipeline (its source is {source or 'unknown'})")
    try:
        location = store.client.get_logged_model(source.removeprefix("models:/")).artifact_location
    except MlflowException as error:
        if not tracking_store.says_gone(error):
            raise
        raise RegistryError(f"MLflow no longer has its files ({_first_line(error)})") from None
    return get_artifact_repository(location, tracking_uri=store.uri)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
