"""What the sources share."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.data.sources import common

PATHS = ["a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.parametrize(
    ("person", "units"),
    [(None, PATHS), (["", "", "ann"], ["a.jpg", "b.jpg", "ann"]), (["ann", "ann", "bob"], ["ann", "ann", "bob"])],
)
def test_pictures_of_nobody_told_are_not_of_one_person(person: list[str] | None, units: list[str]) -> None:
    shuffled = pd.Index([7, 3, 5])  # as of rows that were sorted or filtered before
    of = None if person is None else pd.Series(person, index=shuffled)
    table = common.canonical(pd.Series(PATHS, index=shuffled), {"age": pd.Series([0, 1, 0], index=shuffled)}, person=of)
    assert table["person"].tolist() == units
    assert table["source"].tolist() == PATHS
    assert table["age"].tolist() == [0, 1, 0]
