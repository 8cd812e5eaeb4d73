"""The figures of our runs: a row for each variant, seed and model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import layout
from pipeline.errors import PipelineError

OFF, AT_MOST = "auc_off_half", "auc_off_half_at_most"
INTERVAL = ("strongest_auc_low", "strongest_auc_high")
COST = "share_of_retraining"
OF_THE_DAY = ("seconds", COST)  # differ from run to run
SAME = 1e-4  # how far apart a figure of the same model may be
FITTED = {"probe_accuracy": 5e-3, "probe_drop": 5e-3}  # by a probe that is fitted anew: a picture or two may turn
VERDICT, GATE, REVISION = "verdict", "gate", "revision"
FURTHER = {  # column -> name, of attacks that no comparison shows; cells of before they were kept lack them
    "confidence_auc": "confidence",
    "entropy_auc": "entropy",
    "m_entropy_auc": "modified entropy",
}
ATTACKS = {  # name -> column, of the attacks whose AUC cells have
    "plain": "mia_auc",
    "calibrated": "strongest_auc",  # of `verdict.JUDGES`, of which it is the only one
    "RMIA": "rmia_auc",
    **{name: column for column, name in FURTHER.items()},
}
PASSES = "passes"  # in the column `gate`; another text is why the gate refuses a method


def gate_answer(reasons: Sequence[str]) -> str:
    """What the column `gate` has of a method that is refused for these reasons: PASSES where there is none."""
    return "; ".join(reasons) or PASSES


def with_off_half(cells: pd.DataFrame) -> pd.DataFrame:
    """With the columns OFF and AT_MOST.

    How far from .5, where the oracle is by construction, the calibrated attack's AUC is, and the farther end of its
    interval: what was not excluded.
    """
    low, high = (cells[name] for name in INTERVAL)
    return cells.assign(**{OFF: (cells["strongest_auc"] - 0.5).abs(), AT_MOST: np.maximum(high - 0.5, 0.5 - low)})


def read_cells(file: Path) -> pd.DataFrame:
    """What `dlfd table` wrote, words as words: `4e25179` is a commit and not infinity."""
    return pd.read_csv(file, dtype={"variant": str, REVISION: str})


def replaced(kept: pd.DataFrame, found: pd.DataFrame, variant: str, seed: int) -> pd.DataFrame:
    """A table's cells with the rows of one variant and seed that were run again in the place of those from before.

    Args:
        kept: all cells of the table, a row for each variant, seed and model.
        found: of the cell that was run again: original and oracle, and what takes the place of its rows in `kept`.

    Raises:
        PipelineError: original or oracle is not that of the kept rows, by any figure of both but OF_THE_DAY: then their
            methods started elsewhere, or were judged otherwise.
    """
    place = kept[(kept["variant"] == variant) & (kept["seed"] == seed)].reset_index().set_index("model")
    own = found.set_index("model")
    numbers = kept.select_dtypes("number").columns.intersection(found.select_dtypes("number").columns)
    for figure, model in product(numbers.difference(list(OF_THE_DAY)), layout.TRAINED):
        before, now = (float(table[figure][model]) for table in (place, own))
        if figure in FURTHER and np.isnan(before):  # cells of before they were kept have none
            continue
        if not np.isclose(before, now, rtol=1e-5, atol=FITTED.get(figure, SAME), equal_nan=True):
            raise PipelineError(
                f"{model} of seed {seed} has {figure} {now:.4f} here and {before:.4f} in the kept table: "
                "another machine or other code has trained or judged it; run the whole table again"
            )
    fresh = found[~found["model"].isin(layout.TRAINED)]
    fresh = fresh.set_index(pd.Index(place.loc[fresh["model"], "index"]))
    return pd.concat([kept.drop(index=fresh.index), fresh]).sort_index()
