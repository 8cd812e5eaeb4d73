from __future__ import annotations

import pytest
from tiny_cells import cells

from pipeline.reference_tables.cells import AT_MOST, OFF
from pipeline.reference_tables.summary import summarise


def test_mean_and_sample_deviation_over_seeds() -> None:
    (row,) = summarise(cells(0.4, 0.6, 0.8), "age").to_dict("records")
    assert row["seeds"] == 3
    assert row["nomus"] == pytest.approx(0.6)
    assert row["nomus_sd"] == pytest.approx(0.2)
    assert (row["paper_accuracy"], row["paper_nomus"]) == (0.620, 0.782)


def test_the_authors_figures_stand_beside_their_own_settings_alone() -> None:
    (row,) = summarise(cells(0.4, published=False), "age").to_dict("records")
    assert row["paper_accuracy"] is None


def test_distances_of_audits_are_averaged_and_costs_are_not() -> None:
    seeds = cells(0.4, 0.6, 0.5).assign(share_of_retraining=[0.1, 0.12, 0.9], gate=["passes", "no", "passes"])
    (row,) = summarise(seeds, "age").to_dict("records")
    assert row["strongest_auc"] == pytest.approx(0.5)
    assert row[OFF] == pytest.approx(0.2 / 3)
    assert row[AT_MOST] == pytest.approx((0.14 + 0.12 + 0.04) / 3), "of each interval the farther end"
    assert row["share_of_retraining"] == 0.12
    assert row["gate"] == "2 of 3"


def test_verdicts_of_several_seeds_are_counted() -> None:
    said = cells(0.4, 0.5, 0.6).assign(verdict=["forgotten", "remembers", "forgotten"])
    assert summarise(said, "age")["verdict"].tolist() == ["2 forgotten, 1 remembers"]
    assert summarise(said.assign(verdict="forgotten"), "age")["verdict"].tolist() == ["forgotten"]
