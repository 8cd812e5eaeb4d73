"""What the acceptance gate reads beside NoMUS: the forgotten persons among those of `validation`.

The calibrated attack says whether they are remembered as a set. With a handful of persons it is noise, as is NoMUS, but
each of them can be ranked: does anybody stand out from persons whom neither the model nor the oracle ever saw?
"""

from __future__ import annotations

from pipeline.evaluation.beside import compare
from pipeline.evaluation.samples import Results
from pipeline.evaluation.scores import nomus
from pipeline.settings import AuditSettings, EvaluateSettings

NEVER_SEEN = ("validation",)


def figures(
    results: Results, oracle: Results, settings: AuditSettings, attacking: EvaluateSettings, seed: int
) -> dict[str, float | str]:
    """Figures for the acceptance gate. Nothing here reads `unseen` or `test`.

    validation_verdict: the word of `pipeline.evaluation.verdict`, from the calibrated attack and the persons' ranks.
    validation_auc: of that attack.
    validation_persons: forgotten persons, or those of validation where they are fewer.
    validation_persons_detected: forgotten persons above 99 % of validation persons (above all, of fewer than 100).
    validation_persons_over_forgotten: the same at the other end.
    validation_person_nomus: ½·(a + 1 − 2·|A − ½|), a the accuracy on validation, A the mean over forgotten persons of
        the share of validation persons who score less (ties count half): NoMUS with the area under the persons' ROC
        curve in place of the attack's accuracy. One person's A is anywhere in [0, 1] by chance, so this puts models in
        an order but no limit on it means anything.

    Args:
        results: of the model.
        oracle: of the retrained model, on the same pictures in the same order.
        seed: of the bootstrap and of the draw that matches labels.
    """
    found = compare("forget", NEVER_SEEN, results, oracle, settings, attacking, seed)
    high, low = found.high.table, found.low.table
    area = (1 + low["rank"].mean() - high["rank"].mean()) / 2
    validation = results.table[results.table["subset"] == "validation"]
    return {
        "validation_verdict": found.verdict.word,
        "validation_auc": found.attack.auc,
        "validation_persons": float(min(len(high), validation["unit"].nunique())),
        "validation_persons_detected": float(high["detected"].sum()),
        "validation_persons_over_forgotten": float(low["detected"].sum()),
        "validation_person_nomus": float(nomus(validation["correct"].mean(), area)),
    }
