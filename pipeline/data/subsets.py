"""Store + split -> the pictures of each subset, ready for training, unlearning and evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pipeline.data import balance, store, tasks
from pipeline.data.batches import Faces, load_images
from pipeline.data.subset_names import OPTIONAL
from pipeline.errors import DataError

LEAST = 100  # pictures that a handful of forgotten ones is compared with, where there are as many
FEWEST = 20  # pictures: of fewer the losses are noise that a difference of labels is not


def load(
    faces: Path, splits: pd.DataFrame, device: torch.device, *, task: str, only: tuple[str, ...]
) -> dict[str, Faces]:
    """Pictures and labels of some subsets, on the device.

    Args:
        faces: folder of the store.
        splits: as `pipeline.data.splits.read` gives it.
        task: what the labels of the split are.
        only: which subsets. All must have pictures but OPTIONAL: a small data set can do without `test`, and a first
            round has nobody forgotten before.

    Raises:
        DataError: the store is missing or damaged, or `only` names a subset without pictures.
    """
    images = load_images(store.open(faces).images, device)
    tables = {str(name): table for name, table in splits.groupby("subset", observed=True)}
    if missing := [name for name in only if name not in tables and name not in OPTIONAL]:
        raise DataError(f"the split has no pictures in {', '.join(missing)}: see `split:` in params.yaml")
    return {name: _faces(images, tables[name], task, device) for name in only if name in tables}


def matched(pool: Faces, wanted: Faces, seed: int) -> Faces:
    """Pictures of a pool with the label mix of another subset: as many as that has, or LEAST where it has fewer.

    What is compared with forget by its losses must not differ from it by its labels. Of labels so rare that a pool of
    LEAST or more has fewer than FEWEST such pictures, the whole pool is taken.
    """
    mix, there = _codes(wanted), pd.Series(_codes(pool))
    count = max(int(mix.max()), int(there.max())) + 1
    chosen = balance.matching(there, np.bincount(mix, minlength=count), np.random.default_rng(seed), LEAST)
    rare = len(chosen) < FEWEST and len(pool) >= LEAST
    return pool if rare or not len(chosen) else pool.take(torch.from_numpy(np.sort(chosen)))


def _codes(faces: Faces) -> np.ndarray:
    """Labels [M] as numbers, of several attributes too."""
    labels = faces.labels.cpu().numpy()
    return labels if labels.ndim == 1 else labels @ (2 ** np.arange(labels.shape[1]))


def _faces(images: torch.Tensor, table: pd.DataFrame, task: str, device: torch.device) -> Faces:
    labels = torch.from_numpy(table["label"].to_numpy(dtype="int64", copy=True))
    return Faces(
        images=images,
        rows=torch.from_numpy(table["image"].to_numpy(dtype="int64", copy=True)),
        labels=tasks.targets(labels, task).to(device),
    )
