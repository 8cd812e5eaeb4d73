"""Are those still forgotten who were forgotten in earlier rounds? Audited again in every round, beside the new ones.

Nobody learns or unlearns the subset `forgotten`: a model can only know its persons from the one that the round starts
from, or because learning others on stirs up what was hidden and not gone. They are compared with never-seen persons of
the same labels (`unseen` and `test`), and once more with those of `validation`, for the acceptance gate.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.evaluation.beside import Beside, compare
from pipeline.evaluation.samples import Results
from pipeline.settings import AuditSettings, EvaluateSettings

SUBSET = "forgotten"
NEVER_SEEN, SELECTION = ("unseen", "test"), ("validation",)


@dataclass(frozen=True)
class Audit:
    """Outcome.

    Attributes:
        figures: flat, for metrics/<name>.json; none in a round without earlier ones. Of each: auc (of the calibrated
            attack; .5: forgotten), auc_low, auc_high (bootstrap over persons), persons, persons_detected,
            p_remembered, verdict; `forgotten_` beside never-seen persons, `validation_forgotten_` beside those of
            validation; and forgotten_accuracy, forgotten_loss (nats).
        persons: of earlier rounds, as `pipeline.evaluation.persons.Ranking` has them among never-seen persons.
    """

    figures: dict[str, float | str]
    persons: pd.DataFrame


def audit(results: Results, oracle: Results, settings: AuditSettings, attacking: EvaluateSettings, seed: int) -> Audit:
    """Audit the persons of earlier rounds.

    Args:
        results: of the model on all subsets.
        oracle: of the retrained model, on the same pictures in the same order.
        seed: of the bootstrap and of the draw that matches labels.
    """
    own = results.table[results.table["subset"] == SUBSET]
    if own.empty:
        return Audit({}, pd.DataFrame(columns=["unit", "pictures", "score", "rank", "detected"]))
    told, chosen = (
        compare(SUBSET, never_seen, results, oracle, settings, attacking, seed)
        for never_seen in (NEVER_SEEN, SELECTION)
    )
    figures: dict[str, float | str] = {
        "forgotten_accuracy": float(own["correct"].mean()),
        "forgotten_loss": float(own["loss"].mean()),
        **{f"forgotten_{name}": value for name, value in _told(told).items()},
        **{f"validation_forgotten_{name}": value for name, value in _told(chosen).items()},
    }
    return Audit(figures, told.high.table)


def _told(found: Beside) -> dict[str, float | str]:
    return {
        "auc": found.attack.auc,
        "auc_low": found.attack.auc_low,
        "auc_high": found.attack.auc_high,
        "persons": float(len(found.high.table)),
        "persons_detected": float(found.high.table["detected"].sum()),
        "p_remembered": found.high.p_high,
        "verdict": found.verdict.word,
    }
