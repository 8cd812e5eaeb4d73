from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.jobs import train_yardstick, yardsticks
from pipeline.settings import AuditSettings


@pytest.fixture(scope="module")
def splits() -> pd.DataFrame:
    subsets = np.repeat(["retain", "forget", "validation", "test", "unseen"], 60)
    return pd.DataFrame(
        {"image": np.arange(300), "unit": [f"u{number // 3}" for number in range(300)], "subset": subsets}
    ).sample(frac=1, random_state=0)


def test_oracles_learn_retain(splits: pd.DataFrame) -> None:
    for name in ("retrained", "oracle-3"):
        assert set(splits.loc[train_yardstick.learns(name, splits), "subset"]) == {"retain"}


def test_two_references_are_the_halves_of_one_cut(splits: pd.DataFrame) -> None:
    pool = splits["subset"].isin(train_yardstick.POOL)
    for one, other in ((1, 2), (3, 4)):
        halves = [train_yardstick.learns(f"reference-{number}", splits) for number in (one, other)]
        assert (halves[0] ^ halves[1])[pool].all()
        assert not (halves[0] | halves[1])[~pool].any()
        assert halves[0].sum() == pytest.approx(pool.sum() / 2, abs=3)
        for half in halves:
            assert splits.assign(half=half).groupby("unit")["half"].nunique().max() == 1, "a person is in one half"
    assert (train_yardstick.learns("reference-1", splits) != train_yardstick.learns("reference-3", splits)).any()


def test_the_halves_do_not_depend_on_the_order_of_the_rows(splits: pd.DataFrame) -> None:
    ordered = splits.sort_values("image")
    one, two = (train_yardstick.learns("reference-1", table) for table in (splits, ordered))
    assert (one.sort_index() == two.sort_index()).all()


def test_the_oracle_comes_first() -> None:
    settings = AuditSettings(oracle_seeds=[4], reference_models=[1, 2])
    assert yardsticks.names(settings) == ["retrained", "oracle-4", "reference-1", "reference-2"]
    assert yardsticks.names(AuditSettings()) == ["retrained"]
