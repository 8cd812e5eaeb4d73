"""All that is computed from one pass of a model over its subsets: metrics, audits, what the gate reads, past rounds.

What is written down of it, and where, is of `pipeline.jobs.evaluate`.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from pipeline.evaluation import earlier, selection
from pipeline.evaluation.audit import Yardstick, audit
from pipeline.evaluation.metrics import summarise
from pipeline.evaluation.samples import Results
from pipeline.settings import AuditSettings, EvaluateSettings


class Judgement(NamedTuple):
    """Of a model.

    Attributes:
        figures: its metrics.
        attacks: a row an attack and subset.
        persons, earlier: forgotten persons by rank, those of this round and those of rounds before.
    """

    figures: dict[str, float | str]
    attacks: pd.DataFrame
    persons: pd.DataFrame
    earlier: pd.DataFrame


def judge(
    results: Results,
    others: list[Yardstick],
    settings: AuditSettings,
    attacking: EvaluateSettings,
    seed: int,
    *,
    is_oracle: bool = False,
) -> Judgement:
    """The judgement of a model beside the oracle.

    Args:
        results: of the model.
        others: the models it is compared with, the oracle first.
        seed: of folds, resamples and draws.
        is_oracle: whether the model is the oracle itself.

    Raises:
        DataError: a subset has no pictures.
    """
    oracle = others[0].results
    audited = audit(results, others, settings, attacking, seed, is_oracle=is_oracle)
    figures: dict[str, float | str] = {**summarise(results.table, attacking, seed), **audited.figures}
    figures |= selection.figures(results, oracle, settings, attacking, seed)
    before = earlier.audit(results, oracle, settings, attacking, seed)
    return Judgement(figures | before.figures, audited.attacks, audited.persons, before.persons)
