"""Per-sample results -> the flat figures of metrics/<name>.json, for DVC and MLflow."""

from __future__ import annotations

import pandas as pd

from pipeline.data.tasks import ATTRIBUTES
from pipeline.evaluation.membership import Attack, loss_attack
from pipeline.evaluation.scores import forgetting_score, nomus
from pipeline.settings import EvaluateSettings

_EXTRA = {"top2_correct": "top2_accuracy", **{f"correct_{name}": f"{name}_accuracy" for name in ATTRIBUTES}}


def summarise(samples: pd.DataFrame, settings: EvaluateSettings, seed: int) -> dict[str, float]:
    """All figures of one model.

    `test_accuracy`, `top2_accuracy` (more than two classes) and the accuracy of each attribute (several at once)
    count every held-out picture (test and unseen); `unseen` alone, matched to the forget set's label mix, is what the
    attack compares forget with. Figures that begin with `validation_` are computed the same way with the validation
    subset as the unseen one: only these may choose a model.

    Args:
        samples: as `pipeline.evaluation.samples.per_sample` gives it.
        seed: of the attack's folds and bootstrap.
    """
    of = {str(name): frame for name, frame in samples.groupby("subset", observed=True)}
    test = pd.concat([of[name] for name in ("test", "unseen") if name in of])
    attack = _attack(of["forget"], of["unseen"], settings, seed)
    selection = _attack(of["forget"], of["validation"], settings, seed)
    test_accuracy, validation_accuracy = test["correct"].mean(), of["validation"]["correct"].mean()
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
        "validation_accuracy": validation_accuracy,
        "validation_loss": of["validation"]["loss"].mean(),
        "validation_mia_accuracy": selection.accuracy,
        "validation_forgetting_score": forgetting_score(selection.accuracy),
        "validation_nomus": nomus(validation_accuracy, selection.accuracy),
    }
    return {name: float(value) for name, value in figures.items()}


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
