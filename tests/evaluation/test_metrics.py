from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.metrics import summarise
from pipeline.settings import EvaluateSettings

SETTINGS = EvaluateSettings(attack_folds=4, bootstrap=100)
SIZES = {"retain": 120, "forget": 60, "validation": 70, "test": 50, "unseen": 60}
READS = {  # what each subset moves
    "retain": {"retain_accuracy", "retain_loss"},
    "test": {"test_accuracy", "top2_accuracy", "nomus"},
    "validation": {
        "validation_accuracy",
        "validation_loss",
        "validation_mia_accuracy",
        "validation_forgetting_score",
        "validation_nomus",
    },
    "unseen": {
        "test_accuracy",
        "top2_accuracy",
        "unseen_accuracy",
        "unseen_loss",
        "mia_accuracy",
        "mia_auc",
        "mia_interval_low",
        "mia_interval_high",
        "forgetting_score",
        "nomus",
    },
}


@pytest.fixture(scope="module")
def samples() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frames = []
    for number, (subset, size) in enumerate(SIZES.items()):
        correct = rng.random(size) < 0.6
        frames.append(
            pd.DataFrame(
                {
                    "subset": subset,
                    "unit": [f"{subset}{i // 2}" for i in range(size)],
                    "label": 0,
                    "loss": rng.exponential(0.4 + 0.2 * number, size),
                    "correct": correct,
                    "top2_correct": correct | (rng.random(size) < 0.5),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def test_every_figure_is_a_plain_number(samples: pd.DataFrame) -> None:
    figures = summarise(samples, SETTINGS, seed=0)
    assert {type(value) for value in figures.values()} == {float}
    assert np.isfinite(list(figures.values())).all()
    assert figures["mia_interval_low"] <= figures["mia_accuracy"] <= figures["mia_interval_high"]


def test_accuracies_and_losses_are_plain_means(samples: pd.DataFrame) -> None:
    figures = summarise(samples, SETTINGS, seed=0)
    held_out = samples[samples["subset"].isin(["test", "unseen"])]
    assert figures["test_accuracy"] == pytest.approx(held_out["correct"].mean())
    assert figures["top2_accuracy"] == pytest.approx(held_out["top2_correct"].mean())
    for name in ("retain", "forget", "unseen"):
        own = samples[samples["subset"] == name]
        assert figures[f"{name}_accuracy"] == pytest.approx(own["correct"].mean())
        assert figures[f"{name}_loss"] == pytest.approx(own["loss"].mean())
    score = 2 * abs(figures["mia_accuracy"] - 0.5)
    assert figures["forgetting_score"] == pytest.approx(score)
    assert figures["nomus"] == pytest.approx((figures["test_accuracy"] + 1 - score) / 2)


def test_with_fewer_persons_than_folds_the_attack_is_no_number_and_the_rest_stands(samples: pd.DataFrame) -> None:
    few = samples[samples["subset"].ne("forget") | samples["unit"].isin(["forget0", "forget1"])]
    figures = summarise(few, SETTINGS, seed=0)
    names = ("mia_accuracy", "mia_interval_low", "mia_interval_high", "forgetting_score", "nomus")
    none = {*names, *(f"validation_{name}" for name in ("mia_accuracy", "forgetting_score", "nomus"))}
    assert {name for name, value in figures.items() if np.isnan(value)} == none
    assert figures["test_accuracy"] == summarise(samples, SETTINGS, seed=0)["test_accuracy"]


def test_where_nobody_is_drawn_the_order_of_the_rows_does_not_matter(samples: pd.DataFrame) -> None:
    """With several labels some of validation are drawn to match the forgotten: by their places in the table."""
    shuffled = samples.sample(frac=1, random_state=1)
    assert summarise(shuffled, SETTINGS, seed=0) == pytest.approx(summarise(samples, SETTINGS, seed=0), abs=1e-12)


@pytest.mark.parametrize("subset", READS)
def test_a_subset_moves_its_own_figures_and_no_other(samples: pd.DataFrame, subset: str) -> None:
    changed = samples.copy()
    own = changed["subset"] == subset
    changed.loc[own, "loss"] = changed.loc[own, "loss"] * 0.01 + 3  # far from where it was
    changed.loc[own, ["correct", "top2_correct"]] = False
    before, after = (summarise(frame, SETTINGS, seed=0) for frame in (samples, changed))
    assert {name for name in before if before[name] != after[name]} == READS[subset]


def test_validation_pictures_of_labels_that_nobody_forgotten_has_do_not_move_the_attack(samples: pd.DataFrame) -> None:
    """A model that forgot perfectly would be refused for a request of one class otherwise."""
    others = samples[samples["subset"] == "validation"].assign(label=1, loss=9.0, unit=lambda one: one["unit"] + "b")
    before, after = (summarise(frame, SETTINGS, seed=0) for frame in (samples, pd.concat([samples, others])))
    for name in ("validation_mia_accuracy", "validation_forgetting_score"):
        assert after[name] == before[name]
    assert after["validation_loss"] > before["validation_loss"]


def test_the_forget_set_is_compared_with_both(samples: pd.DataFrame) -> None:
    changed = samples.copy()
    changed.loc[changed["subset"] == "forget", "loss"] = 9.0
    before, after = (summarise(frame, SETTINGS, seed=0) for frame in (samples, changed))
    assert after["forgetting_score"] > before["forgetting_score"]
    assert after["validation_forgetting_score"] > before["validation_forgetting_score"]
    assert after["validation_accuracy"] == before["validation_accuracy"]


def test_the_published_protocol_has_no_test_subset(samples: pd.DataFrame) -> None:
    published = samples[samples["subset"] != "test"]
    figures = summarise(published, SETTINGS, seed=0)
    assert figures["test_accuracy"] == figures["unseen_accuracy"]


def test_a_model_that_treats_all_alike_scores_by_its_accuracy(samples: pd.DataFrame) -> None:
    alike = samples.assign(loss=1.0, correct=True, top2_correct=True)
    figures = summarise(alike, SETTINGS, seed=0)
    assert (figures["mia_accuracy"], figures["forgetting_score"], figures["nomus"]) == (0.5, 0, 1)


def test_the_seed_is_that_of_the_attack_alone(samples: pd.DataFrame) -> None:
    first, again, other = (summarise(samples, SETTINGS, seed=seed) for seed in (0, 0, 1))
    assert first == again
    moved = {name for name in first if first[name] != other[name]}
    assert moved <= {name for name in first if any(w in name for w in ("mia", "nomus", "forgetting"))} - {"mia_auc"}
