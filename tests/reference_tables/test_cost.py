"""What a method costs beside retraining, by whichever day's clock."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.reference_tables import cost
from pipeline.reference_tables.cells import COST


def cells(**dlfd: float) -> pd.DataFrame:
    """Two seeds of an oracle of 100 and 200 s, and of a method of 20 s that was run beside oracles of as many."""
    rows = [
        {"variant": variant, "seed": seed, "model": model, "seconds": seconds, COST: share}
        for variant, seed, oracle in ((None, 0, 100.0), (None, 1, 200.0))
        for model, seconds, share in (("retrained", oracle, 1.0), ("dlfd", 20.0, 20 / oracle))
    ]
    table = pd.DataFrame(rows)
    table.loc[table["model"] == "dlfd", list(dlfd)] = list(dlfd.values())
    return cost.with_beside(table)


def test_in_one_run_the_shares_are_one() -> None:
    table = cells()
    assert table[cost.BESIDE].tolist() == [1.0, 0.2, 1.0, 0.1], "each beside the oracle of its own seed"
    assert cost.told(table[COST].median(), table[cost.BESIDE].median()) == "60 %"


def test_rows_of_a_slower_day_tell_both_shares_and_are_judged_by_the_larger() -> None:
    ours = cells(**{"seconds": 40.0, COST: 0.25}).query("model == 'dlfd'")
    assert ours[cost.BESIDE].tolist() == [0.4, 0.2]
    assert cost.dearer(ours).tolist() == [0.4, 0.25]
    assert cost.told(0.25, 0.4) == cost.told(0.4, 0.25) == "25 to 40 %"
    assert cost.told(0.09, 0.1) == "9 to 10 %", "by size and not by spelling"


def test_without_an_oracle_beside_it_a_row_keeps_its_own_share() -> None:
    table = cells().assign(variant=["full", "full", "full", "none"], seconds=[100.0, 20.0, 200.0, 40.0])
    assert cost.with_beside(table)[cost.BESIDE].tolist() == [1.0, 0.2, 1.0, 0.1], "of another variant there is none"
    bare = table.drop(columns="seconds")
    assert cost.with_beside(bare) is bare


@pytest.mark.parametrize(("own", "said"), [(float("nan"), ""), (0.0949, "9 %")])
def test_what_was_not_timed_is_not_told(own: float, said: str) -> None:
    assert cost.told(own, own) == said
