"""Store + split -> the pictures of each subset, ready for training, unlearning and evaluation."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch

from pipeline.data import store, tasks
from pipeline.data.batches import Faces, load_images
from pipeline.errors import DataError


def load(
    faces: Path, splits: pd.DataFrame, device: torch.device, *, task: str, only: tuple[str, ...]
) -> dict[str, Faces]:
    """Pictures and labels of some subsets, on the device.

    Args:
        faces: folder of the store.
        splits: as `pipeline.data.splits.read` gives it.
        task: what the labels of the split are.
        only: which subsets. All must have pictures, except `test`, which a small data set can do without.

    Raises:
        DataError: the store is missing or damaged, or `only` names a subset without pictures.
    """
    images = load_images(store.open(faces).images, device)
    tables = {str(name): table for name, table in splits.groupby("subset", observed=True)}
    if missing := [name for name in only if name not in tables and name != "test"]:
        raise DataError(f"the split has no pictures in {', '.join(missing)}: see `split:` in params.yaml")
    return {name: _faces(images, tables[name], task, device) for name in only if name in tables}


def _faces(images: torch.Tensor, table: pd.DataFrame, task: str, device: torch.device) -> Faces:
    labels = torch.from_numpy(table["label"].to_numpy(dtype="int64", copy=True))
    return Faces(
        images=images,
        rows=torch.from_numpy(table["image"].to_numpy(dtype="int64", copy=True)),
        labels=tasks.targets(labels, task).to(device),
    )
