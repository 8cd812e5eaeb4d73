"""Which trial is chosen, and the files of trials."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.errors import ConfigError
from pipeline.evaluation.metrics import on_validation
from pipeline.registry import gate
from pipeline.search import choice
from pipeline.search.space import space
from pipeline.settings import EvaluateSettings, RegisterSettings
from pipeline.unlearning import finetune, ssd

ON = {"data": "faces.tar", "task": "age"}
ORIGINAL, LIMITS = {gate.ACCURACY: 0.62}, RegisterSettings()


def trial(number: int, nomus: float, accuracy: float = 0.6, forgetting: float = 0.05) -> dict[str, Any]:
    figures = {gate.ACCURACY: accuracy, gate.FORGETTING: forgetting, gate.NOMUS: nomus}
    return {"trial": number, "status": "finished", **figures}


def chosen(rows: list[dict[str, Any]]) -> choice.Choice:
    return choice.choose(choice.judged(pd.DataFrame(rows), ORIGINAL, LIMITS))


def test_a_search_has_or_is_spared_every_figure_that_the_gate_reads() -> None:
    rows = [
        {"subset": name, "unit": f"{name}{i}", "image": i, "label": i % 2, "loss": 1.0, "correct": i % 2 == 0}
        for name in ("forget", "validation")
        for i in range(8)
    ]
    figures = on_validation(pd.DataFrame(rows), EvaluateSettings(bootstrap=0), seed=0)
    assert set(gate.FIGURES) <= {*figures, *gate.NEUTRAL}, "else no trial passes"


def test_chosen_is_the_best_of_those_that_the_gate_lets_pass() -> None:
    rows = [trial(3, 0.8, forgetting=0.33), trial(2, 0.75, accuracy=0.4), trial(1, 0.7), trial(0, 0.65)]
    found = chosen(rows)
    assert found.row["trial"] == 1
    assert "2 of 4 trials whose validation figures pass the gate" in found.why


def test_where_none_passes_the_settings_stay_as_they_are() -> None:
    rows = [trial(1, 0.64, forgetting=0.33), trial(0, 0.63, forgetting=0.34)]
    found = chosen(rows)
    assert found.row["trial"] == 0
    assert "no trial passes the gate" in found.why
    assert "of trial 1, does not count (validation forgetting score 0.33 is above" in found.why


@pytest.mark.parametrize(("gain", "number"), [(0.0, 0), (0.009, 0), (0.011, 1)])
def test_a_gain_within_noise_leaves_the_settings_as_they_are(gain: float, number: int) -> None:
    found = chosen([trial(1, 0.7 + gain), trial(0, 0.7)])
    assert found.row["trial"] == number
    assert ("higher" in found.why) == (0 < gain < choice.LEAST_GAIN)


def test_a_small_gain_over_settings_that_the_gate_refuses_is_taken() -> None:
    assert chosen([trial(1, 0.705), trial(0, 0.7, forgetting=0.33)]).row["trial"] == 1


def test_what_was_written_is_chosen_from(tmp_path: Path) -> None:
    rows = [trial(1, 0.75, accuracy=0.4), trial(2, 0.7), trial(0, 0.65)]
    tried = pd.DataFrame(rows).assign(learning_rate=[0.3, 0.0123456, 0.1])
    choice.write(choice.judged(tried, ORIGINAL, LIMITS), "finetune", tmp_path, **ON)
    methods = {"finetune": finetune.Settings(), "ssd": ssd.Settings()}
    start = {key: getattr(methods["ssd"], key) for key in space(methods["ssd"])}
    choice.write(choice.judged(pd.DataFrame([trial(0, 0.7) | start]), ORIGINAL, LIMITS), "ssd", tmp_path, **ON)
    assert choice.chosen(tmp_path, {"finetune": methods["finetune"]}, **ON) == ["finetune.learning_rate=0.01235"]
    assert len(choice.chosen(tmp_path, methods, **ON)) == 1 + len(space(methods["ssd"]))


def test_trials_without_a_column_are_not_read(tmp_path: Path) -> None:
    methods = {"finetune": finetune.Settings()}
    with pytest.raises(ConfigError, match=r"has no trials of a method: `dlfd search METHODS --folder"):
        choice.chosen(tmp_path, methods, **ON)
    judged = choice.judged(pd.DataFrame([trial(0, 0.7)]), ORIGINAL, LIMITS)
    choice.write(judged, "finetune", tmp_path, **ON)
    with pytest.raises(ConfigError, match=r"finetune.csv has no column learning_rate"):
        choice.chosen(tmp_path, methods, **ON)
    choice.write(judged.assign(learning_rate=0.1).drop(columns="gate"), "finetune", tmp_path, **ON)
    with pytest.raises(ConfigError, match=r"finetune.csv has no column gate"):
        choice.chosen(tmp_path, methods, **ON)


@pytest.mark.parametrize(
    ("on", "rate", "words"),
    [
        ({"data": "mine", "task": "age"}, 0.1, "is a search on faces.tar and age, this is mine and age; search anew"),
        ({"data": "faces.tar", "task": "emotion"}, 0.1, "this is faces.tar and emotion; search anew"),
        (ON, 0.05, "the search started from learning_rate 0.1, params.yaml has 0.05; search anew"),
    ],
)
def test_trials_of_other_data_or_from_other_settings_are_refused(
    tmp_path: Path, on: dict[str, str], rate: float, words: str
) -> None:
    tried = pd.DataFrame([trial(0, 0.7), trial(1, 0.8)]).assign(learning_rate=[0.1, 0.2])
    choice.write(choice.judged(tried, ORIGINAL, LIMITS), "finetune", tmp_path, **ON)
    with pytest.raises(ConfigError, match=re.escape(words)):
        choice.chosen(tmp_path, {"finetune": finetune.Settings(learning_rate=rate)}, **on)
