"""What a method costs: its seconds as a share of retraining's.

A row has the share of the retraining of its own run, which DVC may have kept from an earlier day. Where methods were
run again later (`dlfd table --again`), the oracle that stands beside them is of another day. On some days the machine
is faster than on others, so neither share is the right one, and both are told.
"""

from __future__ import annotations

import pandas as pd

from pipeline import layout
from pipeline.reference_tables.cells import COST

BESIDE = "share_of_oracle_beside"


def with_beside(cells: pd.DataFrame) -> pd.DataFrame:
    """With the column BESIDE: the share of the oracle of the same variant and seed in this table.

    It is COST again where the table has no such oracle, or the cells no seconds.
    """
    if not {COST, "seconds"} <= set(cells):
        return cells
    keys = pd.MultiIndex.from_arrays([cells["variant"].fillna(""), cells["seed"]])
    oracle = (cells["model"] == layout.TRAINED[1]).to_numpy()
    seconds = pd.Series(cells["seconds"].to_numpy()[oracle], index=keys[oracle])
    theirs = seconds[~seconds.index.duplicated()].reindex(keys).set_axis(cells.index)
    return cells.assign(**{BESIDE: (cells["seconds"] / theirs).fillna(cells[COST])})


def dearer(cells: pd.DataFrame) -> pd.Series:
    """Of each row the larger share: a goal that is met by this is met by either.

    Args:
        cells: of `with_beside`.
    """
    return cells[[name for name in (COST, BESIDE) if name in cells]].max(axis=1)


def median_told(cells: pd.DataFrame) -> str:
    """Both medians over the rows, as `told` has them.

    Args:
        cells: of `with_beside`.
    """
    return told(cells[COST].median(), cells[BESIDE].median())


def told(own: float, beside: float) -> str:
    """`9 %`; where the two shares differ `25 to 33 %`; nothing of what was not timed."""
    if pd.isna(own):
        return ""
    low, high = (f"{100 * share:.0f}" for share in sorted((own, beside)))
    return f"{low} %" if low == high else f"{low} to {high} %"
