"""Cells of `dlfd table`, of one method."""

from __future__ import annotations

import pandas as pd

from pipeline.reference_tables.summary import FIGURES


def cells(*values: float, published: bool = True) -> pd.DataFrame:
    rows = [
        {"variant": "", "as_published": published, "seed": seed, "model": "dlfd", **dict.fromkeys(FIGURES, value)}
        | {"strongest_auc_low": value - 0.04, "strongest_auc_high": value + 0.02}
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)
