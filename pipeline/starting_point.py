"""What a later round needs of a registered model: its folder, which is what is served, and who was held out from it.

The sides of the split that it was made with are kept beside its weights, by pseudonymous keys: they are this model's,
whatever the workspace holds by the time a round starts from it.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import layout, pseudonyms, tracking_store
from pipeline.erasure import rounds
from pipeline.errors import RegistryError

if TYPE_CHECKING:
    from pipeline.tracking_store import Store

WEIGHTS, INFO, SIDES = "model.safetensors", "model.json", "sides.csv"


@contextmanager
def kept_files() -> Iterator[list[Path]]:
    """Files to keep beside a model of the workspace, for as long as the context lasts.

    Raises:
        RequestError: the split's sides.csv is damaged.
    """
    with tempfile.TemporaryDirectory() as scratch:
        sides = Path(scratch) / SIDES
        salt = pseudonyms.load()
        rounds.write_sides(rounds.pseudonymous(rounds.read_sides(layout.SPLITS / SIDES), salt), sides)
        yield [sides]


def fetch(model: str, weights_sha256: str, folder: Path) -> None:
    """Copy the kept files of a registered version into a folder.

    Args:
        model: name and version, such as `unlearned-face-classifier/3`.
        weights_sha256: what its weights must be.

    Raises:
        RegistryError: tracking is off; there is no such version, it was registered without these files, or its weights
            are others.
        TrackingError: MLflow cannot be reached.
    """
    if not tracking_store.enabled():
        raise RegistryError(f"DLFD_TRACKING=off hides the registry, from which {model} is to be fetched: unset it")
    store = tracking_store.connect()
    store.call(lambda: _download(store, model, folder))
    with (folder / WEIGHTS).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != weights_sha256:
        shutil.rmtree(folder)
        raise RegistryError(
            f"the weights of {model} in the registry are not those that {layout.ROUND} names ({found[:12]}, not "
            f"{weights_sha256[:12]}): begin the round anew with `dlfd round start`"
        )


def _download(store: Store, model: str, folder: Path) -> None:
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    from pipeline.served_model import MODEL

    name, _, number = model.rpartition("/")
    try:
        version = store.client.get_model_version(name, number)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise RegistryError(f"{model} is not in the registry: begin the round anew with `dlfd round start`") from None
    location = store.client.get_logged_model(str(version.source).rpartition("/")[2]).artifact_location
    with tempfile.TemporaryDirectory() as scratch, store.fluent():
        try:
            found = Path(download_artifacts(artifact_uri=f"{location.rstrip('/')}/{MODEL}", dst_path=scratch))
        except (MlflowException, OSError):
            found = Path(scratch)
        if absent := [one for one in (WEIGHTS, INFO, SIDES) if not (found / one).is_file()]:
            raise RegistryError(
                f"{model} has no {', '.join(absent)} to start from in the registry: it was registered by an older "
                "version of this project. Start from another, or set unlearn.start_from: original"
            )
        folder.mkdir(parents=True, exist_ok=True)
        for one in (WEIGHTS, INFO, SIDES):
            shutil.copy2(found / one, folder / one)
