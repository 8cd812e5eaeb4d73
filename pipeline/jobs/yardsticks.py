"""Results of the models that every audit compares with, and shares.

They are the oracle of the pipeline, `retrained`, whose own evaluation stores them, and those of
`pipeline.jobs.train_yardstick`. Apart from it, so that what reads them retrains none.
"""

from __future__ import annotations

import pandas as pd

from pipeline import layout
from pipeline.evaluation import samples
from pipeline.evaluation.audit import Yardstick
from pipeline.jobs.train_yardstick import learns
from pipeline.settings import AuditSettings


def names(settings: AuditSettings) -> list[str]:
    """All of them, the oracle first."""
    oracles = [f"oracle-{seed}" for seed in settings.oracle_seeds]
    return ["retrained", *oracles, *(f"reference-{number}" for number in settings.reference_models)]


def load(settings: AuditSettings, splits: pd.DataFrame) -> list[Yardstick]:
    """Results of all yardsticks.

    Raises:
        DataError: one is missing or damaged.
    """
    return [_load(name, splits) for name in names(settings)]


def _load(name: str, splits: pd.DataFrame) -> Yardstick:
    results = samples.load(layout.YARDSTICKS / name)
    learned = learns(name, splits).groupby(splits["image"]).any()
    kind = "reference" if name.startswith("reference-") else "oracle"
    return Yardstick(kind, results, learned[results.table["image"]].to_numpy())
