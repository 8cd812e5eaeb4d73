"""What train and unlearn write: a model, what is known of it and its history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pipeline import layout, pseudonyms
from pipeline.config import Params
from pipeline.data import store, tasks
from pipeline.learning import models
from pipeline.learning.training import History


def describe(name: str, params: Params, splits: pd.DataFrame, trained_on: Sequence[str]) -> dict[str, Any]:
    """What a model folder says about its model, but for how it is built.

    Args:
        trained_on: subsets of the split that it learned, or that the model learned from which it comes.
    """
    data = store.open(layout.FACES).info
    forgotten = sorted(splits.loc[splits["subset"].isin(["forget", "forgotten"]), "unit"].astype(str).unique())
    return {
        "name": name,
        "task": params.task,
        "classes": tasks.output_names(data["classes"], params.task),
        "image_size": data["image_size"],
        "dataset": data["name"],
        "seed": params.seed,
        "trained_on": trained_on,
        "persons_forgotten": 0 if name == "original" else len(forgotten),
        "forget_set": pseudonyms.load().digest("\n".join(forgotten)),
    }


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"


def save(model: models.FaceClassifier, folder: Path, info: dict[str, Any], history: History) -> None:
    models.save(model, folder, info)
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
