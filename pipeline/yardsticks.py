"""Models that are trained only to be compared with, and the results of theirs that every audit shares.

- `retrained`: the oracle of the pipeline, which its own evaluation stores.
- `oracle-<seed>`: the same training with another seed (`audit.oracle_seeds`); their spread is the noise floor.
- `reference-<n>`: trained on a random half of the persons of retain, forget and unseen (`audit.reference_models`), for
  LiRA and a stronger RMIA. 2k − 1 and 2k are the two halves of one cut, so each picture is in one of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline import layout
from pipeline.errors import ConfigError
from pipeline.evaluation import samples
from pipeline.evaluation.audit import Yardstick
from pipeline.settings import AuditSettings

POOL = ("retain", "forget", "unseen")  # what reference models are trained on halves of


def names(settings: AuditSettings) -> list[str]:
    """All of them, the oracle first.

    Raises:
        ConfigError: one half of a cut without the other.
    """
    lone = [n for n in settings.reference_models if n - 1 + 2 * (n % 2) not in settings.reference_models]
    if lone:
        raise ConfigError(f"audit.reference_models: {lone} lack their other halves; name pairs such as [1, 2, 3, 4]")
    oracles = [f"oracle-{seed}" for seed in settings.oracle_seeds]
    return ["retrained", *oracles, *(f"reference-{number}" for number in settings.reference_models)]


def load(settings: AuditSettings, splits: pd.DataFrame) -> list[Yardstick]:
    """Results of all yardsticks.

    Raises:
        DataError: one is missing or damaged.
    """
    return [_load(name, splits) for name in names(settings)]


def learns(name: str, splits: pd.DataFrame) -> pd.Series:
    """Which rows of the split table a yardstick is trained on: bool [N]."""
    kind, _, number = name.partition("-")
    if kind != "reference":
        return splits["subset"] == "retain"
    units = np.sort(splits.loc[splits["subset"].isin(POOL), "unit"].unique())
    cut, other = divmod(int(number) - 1, 2)
    half = np.random.default_rng([cut, len(units)]).permutation(len(units)) < len(units) // 2
    return splits["subset"].isin(POOL) & splits["unit"].isin(units[half != bool(other)])


def _load(name: str, splits: pd.DataFrame) -> Yardstick:
    results = samples.load(layout.YARDSTICKS / name)
    learned = learns(name, splits).groupby(splits["image"]).any()
    kind = "reference" if name.startswith("reference-") else "oracle"
    return Yardstick(kind, results, learned[results.table["image"]].to_numpy())
