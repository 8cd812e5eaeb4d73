"""Who may stand beside the forgotten: pictures of the same label mix, so that what differs is not the labels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.data import balance
from pipeline.evaluation.verdict import FEWEST


def matched(table: pd.DataFrame, member: np.ndarray, seed: int) -> np.ndarray:
    """Which others have the label mix of the members: bool [M]; all of them where these are too few persons.

    Args:
        table: a row a picture, with `label` and `unit`.
        member: bool [M].
        seed: of the draw.
    """
    labels = table["label"].reset_index(drop=True)
    pool, mix = labels[~member], np.bincount(labels[member], minlength=int(labels.max()) + 1)
    chosen = balance.matching(pool, mix, np.random.default_rng(seed), least=len(pool))
    enough = table["unit"].to_numpy()[chosen]
    return labels.index.isin(chosen) if len(set(enough)) >= FEWEST else ~member
