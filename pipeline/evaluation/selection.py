"""What chooses a model where few persons are forgotten: their places among the persons of `validation`.

With a handful of persons the cross-validated attack is noise (or no number at all), but each of them can be ranked:
does anybody stand out from persons whom neither the model nor the oracle ever saw? Scores are calibrated by the oracle
(`pipeline.evaluation.likelihood`), persons are scored as in `pipeline.evaluation.persons`. Beside forgotten persons
stand validation pictures of the same label mix, as many as there are: who unlearns a person of one class moves all of
that class. Where these are of fewer than FEWEST persons all of validation does, since above all of a few is soon
somebody by chance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.data import balance
from pipeline.evaluation import likelihood, persons
from pipeline.evaluation.samples import Results
from pipeline.evaluation.scores import nomus
from pipeline.evaluation.verdict import FEWEST


def figures(results: Results, oracle: Results, seed: int) -> dict[str, float]:
    """Figures for the acceptance gate. Nothing here reads `unseen` or `test`.

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
        seed: of the draw that matches labels.
    """
    both = [one.of("forget", "validation") for one in (results, oracle)]
    table = both[0].table
    member = table["subset"].eq("forget").to_numpy()
    kept = member | matched(table, member, seed)
    margins, out = (one.table["margin"].to_numpy()[kept] for one in both)
    unit, member = table["unit"].to_numpy()[kept], member[kept]
    score = likelihood.calibrated(margins, out, ~member)
    split = score[member], unit[member], score[~member], unit[~member]
    high = persons.rank(*split).table
    low = persons.rank(-split[0], split[1], -split[2], split[3]).table
    area = (1 + low["rank"].mean() - high["rank"].mean()) / 2
    validation = results.table[results.table["subset"] == "validation"]
    return {
        "validation_persons": float(min(len(high), validation["unit"].nunique())),
        "validation_persons_detected": float(high["detected"].sum()),
        "validation_persons_over_forgotten": float(low["detected"].sum()),
        "validation_person_nomus": float(nomus(validation["correct"].mean(), area)),
    }


def matched(table: pd.DataFrame, member: np.ndarray, seed: int) -> np.ndarray:
    """Which others have the label mix of the members: bool [M]; all of them where these are too few persons."""
    labels = table["label"]
    pool, mix = labels[~member], np.bincount(labels[member], minlength=int(labels.max()) + 1)
    chosen = balance.matching(pool, mix, np.random.default_rng(seed), least=len(pool))
    enough = table["unit"][chosen].nunique() >= FEWEST
    return labels.index.isin(chosen) if enough else ~member
