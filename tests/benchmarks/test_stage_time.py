"""Parts of a stage's time: each is what it adds, turn by turn, and together they are the whole."""

from __future__ import annotations

import pytest

from benchmarks import stage_time


def test_parts_are_what_each_way_adds_and_sum_to_the_whole() -> None:
    ways = {"process and imports": [2.0, 4.0], "work": [5.0, 7.0], "MLflow": [6.0, 9.0], "DVC": [10.0, 12.0]}
    *rows, whole = stage_time.parts(ways)
    assert [row["part"] for row in rows] == list(stage_time.ADDED)
    assert [row["s"]["median"] for row in rows] == [3.0, 3.0, 1.5, 3.5]
    assert sum(row["s"]["median"] for row in rows) == pytest.approx(whole["s"]["median"])
    assert rows[0]["share"] == {"median": pytest.approx(4 / 15), "low": 0.2, "high": pytest.approx(1 / 3)}
