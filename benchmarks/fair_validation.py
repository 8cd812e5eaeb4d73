"""Is validation still a fair judge of a method that reads its losses? Half of its persons are given, both halves judge.

DLFD matches losses to those of validation and SCRUB rewinds by them, and then the gate and `dlfd search` compare
methods on validation. If that favoured them, the half that was given would look better forgotten than the other: to the
attack on losses, by which a search goes, or to the one that the oracle calibrates, by which the gate goes (on another
draw from validation than here, where half of it is all there is).
Neither `test` nor `unseen` is loaded. Run after `dvc repro train`, in the checkout:

python -m benchmarks.fair_validation
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks import measure
from pipeline import config, layout
from pipeline.data import splits as split_table
from pipeline.data import subsets
from pipeline.data.batches import Faces
from pipeline.evaluation import likelihood
from pipeline.evaluation.logit_scores import log_odds
from pipeline.evaluation.membership import auc
from pipeline.learning import models
from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import losses_of
from pipeline.settings import PassSettings
from pipeline.unlearning import base

ATTACKS = ("plain", "calibrated")  # by losses; by what they are beside the oracle's


def main(method: str = "dlfd", seeds: str = "0,1,2") -> None:
    """AUC of both attacks, forget against the half that the method was given and against the other."""
    numbers = measure.numbers(seeds, "--seeds")
    params, splits = config.load(), split_table.read(layout.SPLITS)
    device = models.select_device(params.device)
    faces = subsets.load(layout.FACES, splits, device, task=params.task, only=("retain", "forget", "validation"))
    trained = {name: models.load(layout.MODELS / name, device) for name in layout.TRAINED}
    units = splits.loc[splits["subset"] == "validation", "unit"].to_numpy()
    rows = compared(method, config.method_settings(method), trained, faces, units, numbers)
    name, data = f"fair_validation-{method}", measure.data_set()
    setting = f"{method} on {data}, {params.task}, protocol {params.split.protocol}, AUC"
    measure.report(measure.of_data(name, data), device, rows, repeats=len(numbers), setting=setting, **told(rows))


def compared(
    method: str,
    settings: PassSettings,
    trained: dict[str, FaceClassifier],
    faces: dict[str, Faces],
    units: np.ndarray,
    seeds: Sequence[int],
) -> list[dict[str, Any]]:
    """A row a seed and half: how the half that was given and the other see the unlearned model.

    Args:
        trained: the original model and the oracle.
        faces: retain, forget and validation.
        units: of the pictures of validation, whose halves are of whole ones.
    """
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        first, second = _halves(faces["validation"], units, seed)
        for given, other in ((first, second), (second, first)):
            run = base.Run(seed=seed, title=f"{method}, seed {seed}")
            subsets_given = {**faces, "validation": given}
            model = base.unlearn(base.get(method), trained["original"], subsets_given, settings, run)
            sides = [_areas(model, trained["retrained"], faces["forget"], half, seed) for half in (given, other)]
            row: dict[str, Any] = {"seed": seed}
            for attack in ATTACKS:
                here, there = (side[attack] for side in sides)
                row |= {f"{attack}, given": here, f"{attack}, other": there, f"{attack}, other - given": there - here}
            rows.append(row)
    return rows


def told(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Of each attack the mean difference over seeds, in words; a harder half is given once and judges once."""
    found = {}
    for attack in ATTACKS:
        of_seeds = pd.DataFrame(rows).groupby("seed")[f"{attack}, other - given"].mean()
        error = of_seeds.std() / len(of_seeds) ** 0.5
        spread = f"{of_seeds.mean():+.4f} ± {error:.4f}"
        found[f"{attack}_other_minus_given"] = f"{spread}, mean and standard error over {len(of_seeds)} seeds"
    return found


def _halves(validation: Faces, units: np.ndarray, seed: int) -> tuple[Faces, Faces]:
    """By whole persons."""
    names = np.unique(units)
    chosen = np.random.default_rng(seed).choice(names, len(names) // 2, replace=False)
    of_first = torch.from_numpy(np.isin(units, chosen))
    return validation.take(of_first.nonzero().flatten()), validation.take((~of_first).nonzero().flatten())


def _areas(model: FaceClassifier, oracle: FaceClassifier, forget: Faces, judge: Faces, seed: int) -> dict[str, float]:
    """AUC of each of ATTACKS, forget beside as many of `judge` with the same labels; .5: nothing is remembered."""
    both = [forget, subsets.matched(judge, forget, seed)]
    labels = np.concatenate([faces.labels.cpu().numpy() for faces in both])
    own, out = (np.concatenate([losses_of(one, faces).cpu().numpy() for faces in both]) for one in (model, oracle))
    unseen = np.arange(len(own)) >= len(forget)
    scores = -own, likelihood.calibrated(log_odds(own), log_odds(out), unseen, labels)
    return {name: float(auc(of[~unseen], of[unseen])) for name, of in zip(ATTACKS, scores, strict=True)}


if __name__ == "__main__":
    measure.program(main)
