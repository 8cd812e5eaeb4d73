"""Rows that are run again, in the places of those from before."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline import layout
from pipeline.errors import PipelineError
from pipeline.reference_tables.cells import FURTHER, replaced


def two(**figures: float) -> pd.DataFrame:
    """The cells of one seed: original, oracle and a method."""
    rows = [{"model": model, "variant": "", "seed": 0, "nomus": 0.5, **figures} for model in (*layout.TRAINED, "dlfd")]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("figure", "apart", "same"),
    [("nomus", 5e-5, True), ("nomus", 4e-4, False), ("probe_accuracy", 4e-4, True), ("probe_accuracy", 9e-3, False)],
)
def test_a_probe_may_turn_a_picture_or_two_and_nothing_else_may(figure: str, apart: float, same: bool) -> None:
    kept, found = two(probe_accuracy=0.7), two(probe_accuracy=0.7)
    found[figure] += apart
    if same:
        taken = replaced(kept, found, "", 0).set_index("model")[figure]
        assert taken["dlfd"] == found[figure][2]
        assert taken["original"] == kept[figure][0], "the rows of before stay"
    else:
        with pytest.raises(PipelineError, match=f"original of seed 0 has {figure}"):
            replaced(kept, found, "", 0)


def test_attacks_that_the_kept_rows_do_not_know_are_not_compared() -> None:
    kept = pd.concat([two(), two().assign(seed=1)], ignore_index=True)
    found = two(**dict.fromkeys(FURTHER, 0.6))
    kept = replaced(kept, found, "", 0)
    kept = replaced(kept, found.assign(seed=1), "", 1)
    assert kept.query("model == 'dlfd'")[list(FURTHER)].eq(0.6).all(axis=None)
    assert kept.query("model != 'dlfd'")[list(FURTHER)].isna().all(axis=None)
    kept.loc[kept["model"] == "original", "entropy_auc"] = 0.7
    with pytest.raises(PipelineError, match="entropy_auc"):
        replaced(kept, found, "", 0)
