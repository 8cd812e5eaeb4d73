"""Are those still forgotten who were forgotten in earlier rounds? Audited again in every round, beside the new ones.

Nobody learns or unlearns the subset `forgotten`: a model can only know its persons from the one that the round starts
from, or because learning others on stirs up what was hidden and not gone. They are compared with never-seen persons of
the same labels (`unseen` and `test`), and once more with those of `validation`, for the acceptance gate.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.evaluation import likelihood, persons, selection, verdict
from pipeline.evaluation.membership import attack
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
    told, ranked = _beside(NEVER_SEEN, results, oracle, settings, attacking, seed)
    chosen, _ = _beside(SELECTION, results, oracle, settings, attacking, seed)
    figures: dict[str, float | str] = {
        "forgotten_accuracy": float(own["correct"].mean()),
        "forgotten_loss": float(own["loss"].mean()),
        **{f"forgotten_{name}": value for name, value in told.items()},
        **{f"validation_forgotten_{name}": value for name, value in chosen.items()},
    }
    return Audit(figures, ranked)


def _beside(
    others: tuple[str, ...],
    results: Results,
    oracle: Results,
    settings: AuditSettings,
    attacking: EvaluateSettings,
    seed: int,
) -> tuple[dict[str, float | str], pd.DataFrame]:
    both = [one.of(SUBSET, *others) for one in (results, oracle)]
    table = both[0].table
    member = table["subset"].eq(SUBSET).to_numpy()
    kept = member | selection.matched(table, member, seed)
    margins, out = (one.table["margin"].to_numpy()[kept] for one in both)
    unit, member = table["unit"].to_numpy()[kept], member[kept]
    score = likelihood.calibrated(margins, out, ~member)
    ranking = persons.rank(score[member], unit[member], score[~member], unit[~member])
    found = attack(
        score[member],
        score[~member],
        member_groups=unit[member],
        non_member_groups=unit[~member],
        folds=attacking.attack_folds,
        bootstrap=attacking.bootstrap,
        seed=seed,
    )
    said = verdict.judge(
        {"calibrated": found},
        settings.tolerance,
        p_high=ranking.p_high,
        p_low=ranking.p_low,
        persons=min(len(set(unit[member])), len(set(unit[~member]))),
    )
    told: dict[str, float | str] = {
        "auc": found.auc,
        "auc_low": found.auc_low,
        "auc_high": found.auc_high,
        "persons": float(len(ranking.table)),
        "persons_detected": float(ranking.table["detected"].sum()),
        "p_remembered": ranking.p_high,
        "verdict": said.word,
    }
    return told, ranking.table
