"""The picture of accuracy against forgetting."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_report as tiny
from report_page import embedded, words, write

from pipeline.report import trade_off


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.4, 0.55, (0, 0.2)), (0.6, 0.7, (0.2, 0.4)), (0.2, 0.3, (0.4, 0.6))]
)
def test_the_interval_of_the_forgetting_score_holds_all_its_values(
    low: float, high: float, expected: tuple[float, float]
) -> None:
    assert trade_off.score_interval(low, high) == pytest.approx(expected)
    values = 2 * np.abs(np.linspace(low, high, 101) - 0.5)
    assert trade_off.score_interval(low, high) == pytest.approx((values.min(), values.max()), abs=0.01)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [1, 2, 17])
def test_labels_do_not_overlap_and_move_no_more_than_they_must(seed: int, count: int) -> None:
    places = np.random.default_rng(seed).uniform(100, 200, count)
    moved = trade_off.spread(places, 17, 380)
    assert (np.diff(np.sort(moved)) >= 17 - 1e-9).all()
    assert (moved >= 0).all()
    assert (moved <= 380 + 1e-9).all()
    assert (np.argsort(moved) == np.argsort(places)).all(), "lines to labels do not cross"
    apart = np.arange(count) * 20.0
    assert trade_off.spread(apart, 17, 380) == pytest.approx(apart), "nothing moves where there is room"


def test_the_points_have_the_models_figures_with_intervals_about_them() -> None:
    tiny.make()
    found = trade_off.points(tiny.read()).set_index("model")
    assert found["role"].to_dict() == {
        "original": "original",
        "retrained": "retrained (oracle)",
        "finetune": "accepted",
        "dlfd": "other method",
    }
    assert (found["score_low"] <= found["score"]).all()
    assert (found["score"] <= found["score_high"]).all()
    right = tiny.read().samples["dlfd"].query("subset in ['test', 'unseen']")["correct"].mean()
    assert found.loc["dlfd", "accuracy_low"] < right < found.loc["dlfd", "accuracy_high"]


def test_a_model_without_figures_is_named_instead_of_drawn() -> None:
    nothing = {"mia_accuracy": float("nan"), "forgetting_score": float("nan"), "status": "diverged"}
    html = write(own={"dlfd": nothing}, broken=["dlfd"])
    assert set(embedded(html, "data")["trade_off"]["model"]) == {"original", "retrained", "finetune"}
    assert "Not drawn, for want of figures: dlfd." in words(html)
    assert "dlfd" not in embedded(html, "data")["features"]["model"]
    assert "its features are no numbers" in words(html).lower()


def test_intervals_that_are_no_numbers_are_left_out() -> None:
    ends = ("mia_interval_low", "mia_interval_high", "strongest_auc_low", "strongest_auc_high")
    html = write(own={"dlfd": dict.fromkeys(ends, float("nan"))})
    data = embedded(html, "data")["trade_off"]
    place = data["model"].index("dlfd")
    assert (data["score_low"][place], data["score_high"][place]) == (None, None)
    assert data["score"][place] is not None, "the point is drawn all the same"
    assert "nan" not in words(html)
