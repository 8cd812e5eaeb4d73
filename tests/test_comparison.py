from __future__ import annotations

import json

import pytest
from tiny_metrics import figures

from pipeline import comparison

MODELS = {
    "original": figures(test_accuracy=0.8, retain_accuracy=0.9, forget_accuracy=0.95, mia_accuracy=0.7, seconds=12.0),
    "retrained": figures(test_accuracy=0.7, retain_accuracy=0.9, forget_accuracy=0.6, mia_accuracy=0.5, seconds=10.0),
    "dlfd": figures(test_accuracy=0.6, retain_accuracy=0.7, forget_accuracy=0.7, mia_accuracy=0.4, seconds=1.0),
}


def test_the_oracle_has_no_gap_to_itself() -> None:
    table = comparison.compare(MODELS).set_index("model")
    assert table.loc["retrained", "oracle_gap"] == 0
    assert table.loc["retrained", "mia_minus_oracle"] == 0
    assert table.loc["retrained", "share_of_retraining"] == 1


def test_the_gap_is_the_mean_distance_of_four_figures() -> None:
    table = comparison.compare(MODELS).set_index("model")
    assert table.loc["original", "oracle_gap"] == pytest.approx((0.1 + 0 + 0.35 + 0.2) / 4)
    assert table.loc["dlfd", "oracle_gap"] == pytest.approx((0.1 + 0.2 + 0.1 + 0.1) / 4)
    assert table.loc["original", "mia_minus_oracle"] == pytest.approx(0.2), "it remembers"
    assert table.loc["dlfd", "mia_minus_oracle"] == pytest.approx(-0.1)
    assert table.loc["dlfd", "share_of_retraining"] == pytest.approx(0.1)


def test_the_order_of_the_models_is_kept_and_the_input_untouched() -> None:
    before = json.dumps(MODELS)
    assert list(comparison.compare(MODELS)["model"]) == list(MODELS)
    assert list(comparison.compare(dict(reversed(MODELS.items())))["model"]) == list(MODELS)[::-1]
    assert json.dumps(MODELS) == before


def test_a_terminal_of_100_columns_shows_everything() -> None:
    hours = figures(seconds=98.7, status="stopped early", nomus=0.123)
    hours |= {"verdict": "over-forgotten", "strongest_attack": "confidence", "persons_audited": 1234.0}
    text = comparison.render(comparison.compare({**MODELS, "neggrad_plus": hours}), "neggrad_plus")
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text, "something is cut off"
    shown = ("over-forgotten", "confidence .50 [.50, .50]", "0.700", "0.123", "2/1234", "10%", "987%")
    for words in (*MODELS, "neggrad_plus *", "stopped early", *shown):
        assert words in text


def test_the_accepted_model_is_marked() -> None:
    table = comparison.compare(MODELS)
    text = comparison.render(table, "dlfd")
    marked = [line.split()[0] for line in text.splitlines() if line.split()[1:2] == ["*"]]
    assert marked == ["dlfd"]
    assert "*: accepted by the gate" in text
    none = comparison.render(table, None)
    assert "*" not in none
    assert "No method passes the acceptance gate." in none


def test_what_is_no_number_is_left_out() -> None:
    """Of few persons there is no attack's accuracy: the gap is over the other figures."""
    none = {"mia_accuracy": float("nan"), "nomus": float("nan"), "forgetting_score": float("nan")}
    told = {name: {**metrics, **none} for name, metrics in MODELS.items()}
    table = comparison.compare(told).set_index("model")
    assert table.loc["original", "oracle_gap"] == pytest.approx((0.1 + 0 + 0.35) / 3)
    assert table["mia_minus_oracle"].isna().all()
    text = comparison.render(comparison.compare(told))
    assert "nan" not in text
    assert text.count("–") == 2 * len(MODELS)


def test_a_probe_that_falls_and_steps_that_shrink_are_told_beside_the_references() -> None:
    told = {
        name: {**metrics, "relearn_steps": steps, "relearn_reached": 1.0, "probe_accuracy": probe}
        for (name, metrics), steps, probe in zip(MODELS.items(), (0, 40, 10), (0.8, 0.75, 0.6), strict=True)
    }
    table = comparison.compare(told).set_index("model")
    assert table["probe_drop"].tolist() == pytest.approx([0, 0.05, 0.2])
    assert table["relearn_ratio"].tolist() == pytest.approx([0, 1, 0.25])
    assert "relearn_ratio" not in comparison.compare(MODELS)
