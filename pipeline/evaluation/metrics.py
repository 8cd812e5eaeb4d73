"""Per-sample results -> the flat figures of metrics/<name>.json, for DVC and MLflow."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.data.subset_names import HELD_OUT
from pipeline.data.tasks import ATTRIBUTES
from pipeline.evaluation.label_mix import matched
from pipeline.evaluation.membership import Attack, interval, loss_attack
from pipeline.evaluation.scores import forgetting_score, nomus
from pipeline.settings import EvaluateSettings

_EXTRA = {"top2_correct": "top2_accuracy", **{f"correct_{name}": f"{name}_accuracy" for name in ATTRIBUTES}}


def summarise(samples: pd.DataFrame, settings: EvaluateSettings, seed: int) -> dict[str, float]:
    """All figures of one model.

    `test_accuracy`, `top2_accuracy` (more than two classes) and the accuracy of each attribute (several at once)
    count every held-out picture (test and unseen); `unseen` alone is what the attack compares forget with. The split
    gives it forget's label mix, but a published one has its own. Figures that begin with `validation_` are of the
    validation subset in its place, matched here (`on_validation`): only these may choose a model.

    Args:
        samples: as `pipeline.evaluation.samples.per_sample` gives it.
        seed: of the attack's folds and bootstrap.
    """
    of = {str(name): frame for name, frame in samples.groupby("subset", observed=True)}
    test = pd.concat([of[name] for name in ("test", "unseen") if name in of])
    attack = _attack(of["forget"], of["unseen"], settings, seed)
    test_accuracy = test["correct"].mean()
    figures = {
        "test_accuracy": test_accuracy,
        **{name: test[column].mean() for column, name in _EXTRA.items() if column in test},
        **{f"{name}_accuracy": of[name]["correct"].mean() for name in ("retain", "forget", "unseen")},
        **{f"{name}_loss": of[name]["loss"].mean() for name in ("retain", "forget", "unseen")},
        "mia_accuracy": attack.accuracy,
        "mia_auc": attack.auc,
        "mia_interval_low": attack.low,
        "mia_interval_high": attack.high,
        "forgetting_score": forgetting_score(attack.accuracy),
        "nomus": nomus(test_accuracy, attack.accuracy),
    }
    return {name: float(value) for name, value in figures.items()} | on_validation(samples, settings, seed)


def on_validation(samples: pd.DataFrame, settings: EvaluateSettings, seed: int) -> dict[str, float]:
    """The figures that may choose a model; of the samples only those of `forget` and `validation` are read.

    The attack compares forget with pictures of validation that have its label mix, as `unseen` has it.
    """
    both = samples[samples["subset"].isin(["forget", "validation"])]
    member = both["subset"].eq("forget").to_numpy()
    forget, validation = both[member], both[~member]
    attack = _attack(forget, both[matched(both, member, seed)], settings, seed)
    accuracy = validation["correct"].mean()
    figures = {
        "validation_accuracy": accuracy,
        "validation_loss": validation["loss"].mean(),
        "validation_mia_accuracy": attack.accuracy,
        "validation_forgetting_score": forgetting_score(attack.accuracy),
        "validation_nomus": nomus(accuracy, attack.accuracy),
    }
    return {name: float(value) for name, value in figures.items()}


def accuracy_interval(samples: pd.DataFrame, resamples: int, seed: int) -> tuple[float, float]:
    """95 % bootstrap over persons of the test accuracy, with the same draws for every model; NaN of no person."""
    tested = samples[samples["subset"].isin(HELD_OUT)]
    persons = tested.groupby("unit")["correct"].agg(["sum", "count"]).to_numpy(float)
    if not len(persons):
        return float("nan"), float("nan")
    draws = np.random.default_rng([seed, 2])
    times = draws.multinomial(len(persons), np.full(len(persons), 1 / len(persons)), resamples)
    right, all_of_them = (times @ persons).T
    return interval(right / all_of_them)


def _attack(members: pd.DataFrame, others: pd.DataFrame, settings: EvaluateSettings, seed: int) -> Attack:
    return loss_attack(
        members["loss"].to_numpy(),
        others["loss"].to_numpy(),
        member_groups=members["unit"].to_numpy(),
        non_member_groups=others["unit"].to_numpy(),
        folds=settings.attack_folds,
        bootstrap=settings.bootstrap,
        seed=seed,
    )
