"""What the stages `oracles` and `references` do: a model that is trained only to be compared with.

- `oracle-<seed>`: the training of the retrained model with another seed (`audit.oracle_seeds`); their spread is the
  noise floor.
- `reference-<n>`: trained on a random half of the persons of retain, forget and unseen (`audit.reference_models`), for
  LiRA and a stronger RMIA. 2k − 1 and 2k are the two halves of one cut, so each picture is in one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline import layout
from pipeline.config import Params
from pipeline.data import subsets
from pipeline.data.subset_names import SUBSETS
from pipeline.evaluation.samples import per_sample
from pipeline.jobs.train import train_model
from pipeline.learning import models
from pipeline.learning.training import History

POOL = ("retain", "forget", "unseen")  # what reference models are trained on halves of


def make_yardstick(
    name: str,
    params: Params,
    splits: pd.DataFrame,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
) -> History:
    """Train a yardstick and store what it says about every picture; its weights stay beside."""
    folder, number = layout.YARDSTICKS / name, int(name.partition("-")[2])
    learned = learns(name, splits)
    others = splits["subset"].where(splits["subset"] == "validation", "excluded")
    own = splits.assign(subset=others.mask(learned, "retain"))
    history = train_model(name, replace(params, seed=number), own, on_epoch, folder=folder)
    device = models.select_device(params.device)
    faces = subsets.load(layout.FACES, splits, device, task=params.task, only=SUBSETS)
    per_sample(models.load(folder, device), faces, splits, f"evaluating {name}").save(folder)
    return history


def learns(name: str, splits: pd.DataFrame) -> pd.Series:
    """Which rows of the split table a yardstick is trained on: bool [N]."""
    kind, _, number = name.partition("-")
    if kind != "reference":
        return splits["subset"] == "retain"
    units = np.sort(splits.loc[splits["subset"].isin(POOL), "unit"].unique())
    cut, other = divmod(int(number) - 1, 2)
    half = np.random.default_rng([cut, len(units)]).permutation(len(units)) < len(units) // 2
    return splits["subset"].isin(POOL) & splits["unit"].isin(units[half != bool(other)])
