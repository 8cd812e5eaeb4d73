"""Is validation still a fair judge of a method that reads its losses? Half of its persons are given, both halves judge.

DLFD matches losses to those of validation and SCRUB rewinds by them, and then the gate and `dlfd search` compare
methods on validation. If that favoured them, the half that was given would look better forgotten than the other.
Neither `test` nor `unseen` is loaded. Run after `dvc repro train`, in the checkout:

python -m benchmarks.fair_validation --seeds 0,1,2
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks import measure
from pipeline import config, layout
from pipeline.data import splits as split_table
from pipeline.data import subsets
from pipeline.data.batches import Faces
from pipeline.evaluation.membership import loss_attack
from pipeline.learning import models
from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import losses_of
from pipeline.unlearning import base


def main(method: str = "dlfd", seeds: str = "0,1,2") -> None:
    """AUC of the loss attack, forget against the half that the method was given and against the other."""
    params, splits = config.load(), split_table.read(layout.SPLITS)
    device = models.select_device(params.device)
    faces = subsets.load(layout.FACES, splits, device, task=params.task, only=("retain", "forget", "validation"))
    original = models.load(layout.MODELS / "original", device)
    units = splits.loc[splits["subset"] == "validation", "unit"].to_numpy()
    rows: list[dict[str, Any]] = []
    for seed in (int(word) for word in seeds.split(",")):
        first, second = _halves(faces["validation"], units, seed)
        for given, other in ((first, second), (second, first)):
            model = base.unlearn(
                base.get(method),
                original,
                {**faces, "validation": given},
                config.method_settings(method),
                base.Run(seed=seed, title=f"{method}, seed {seed}"),
            )
            auc = {
                "given": _auc(model, faces["forget"], given, seed),
                "other": _auc(model, faces["forget"], other, seed),
            }
            rows.append({"seed": seed, **auc, "other - given": auc["other"] - auc["given"]})
    of_seeds = pd.DataFrame(rows).groupby("seed")["other - given"].mean()  # a harder half is given once and judges once
    error = of_seeds.std() / len(of_seeds) ** 0.5
    told = f"{of_seeds.mean():+.4f} ± {error:.4f}, mean and standard error over {len(of_seeds)} seeds"
    name = f"fair_validation-{method}"
    measure.report(name, device, rows, repeats=len(of_seeds), setting=f"{method}, AUC", other_minus_given=told)


def _halves(validation: Faces, units: np.ndarray, seed: int) -> tuple[Faces, Faces]:
    """By whole persons."""
    names = np.unique(units)
    chosen = np.random.default_rng(seed).choice(names, len(names) // 2, replace=False)
    of_first = torch.from_numpy(np.isin(units, chosen))
    return validation.take(of_first.nonzero().flatten()), validation.take((~of_first).nonzero().flatten())


def _auc(model: FaceClassifier, forget: Faces, judge: Faces, seed: int) -> float:
    """Of the loss attack; .5 where nothing is remembered."""
    others = subsets.matched(judge, forget, seed)
    members, unseen = (losses_of(model, one).cpu().numpy() for one in (forget, others))
    return float(loss_attack(members, unseen, bootstrap=0, seed=seed).auc)


if __name__ == "__main__":
    measure.program(main)
