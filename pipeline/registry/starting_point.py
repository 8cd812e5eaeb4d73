"""What a later round needs of a registered model: its folder, which is what is served, and who was held out from it.

The sides of the split that it was made with are kept beside its weights, by pseudonymous keys: they are this model's,
whatever the workspace holds by the time a round starts from it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline import layout, pseudonyms
from pipeline.erasure import rounds
from pipeline.errors import RegistryError
from pipeline.hashes import file_hash
from pipeline.tracking import tracking_store

SIDES = layout.SIDES.name  # in erasure/, beside a split and beside a model


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
    """Copy the model folder of a registered version, with its sides, into a folder.

    Args:
        model: name and version, such as `unlearned-face-classifier/3`.
        weights_sha256: what its weights must be.

    Raises:
        RegistryError: tracking is off; there is no such version, it has no sides, or its weights are others.
        TrackingError: MLflow cannot be reached.
    """
    if not tracking_store.enabled():
        raise RegistryError(f"DLFD_TRACKING=off hides the registry, from which {model} is to be fetched: unset it")
    from pipeline.learning import models
    from pipeline.registry import version_folder

    name, _, number = model.rpartition("/")
    found = version_folder.fetch(name, int(number))
    digest = file_hash(found / models.WEIGHTS)
    if digest != weights_sha256:
        raise RegistryError(
            f"the weights of {model} in the registry are not those that {layout.ROUND} names ({digest[:12]}, not "
            f"{weights_sha256[:12]}): begin the round anew with `dlfd round start`"
        )
    if not (found / SIDES).is_file():
        raise RegistryError(
            f"{model} does not say who was held out when it was made ({SIDES}): it was registered by an older version "
            "of this project. Start from another, or set unlearn.start_from: original"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for one in (models.WEIGHTS, models.INFO, SIDES):
        shutil.copyfile(found / one, folder / one)
