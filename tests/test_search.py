"""The search of knobs: what is searched, on which pictures, and that it goes on where it was stopped."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import code_used
import pandas as pd
import pytest
import torch
from helpers import make_faces, make_model

from pipeline import config, layout, search
from pipeline.config import Params
from pipeline.data.batches import Faces
from pipeline.errors import ConfigError
from pipeline.learning import models
from pipeline.registry import gate
from pipeline.settings import (
    Count,
    EvaluateSettings,
    Flag,
    NonNegative,
    Positive,
    RegisterSettings,
    TrainSettings,
    Unit,
)
from pipeline.unlearning import base, dlfd, finetune, muda, ssd

SETTINGS = finetune.Settings(epochs=1, batch_size=16, precision="fp32", augment=False, learning_rate=0.02)
PARAMS = Params(device="cpu", evaluate=EvaluateSettings(attack_folds=3))


@dataclass(frozen=True, kw_only=True)
class Knobs(TrainSettings):
    weight: Positive = 2.0
    share: Unit = 0.3
    off: NonNegative = 0.0
    count: Count = 3
    flag: Flag = True


def trial(number: int, nomus: float, accuracy: float = 0.6, forgetting: float = 0.05) -> dict[str, Any]:
    figures = {gate.ACCURACY: accuracy, gate.FORGETTING: forgetting, gate.NOMUS: nomus}
    return {"trial": number, "status": "finished", **figures}


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """A workspace with a tiny original; the subsets that were asked for."""
    monkeypatch.chdir(tmp_path)
    (layout.MODELS / "original").mkdir(parents=True)
    (layout.MODELS / "original/model.safetensors").write_bytes(b"weights")
    asked: list[tuple[str, ...]] = []
    faces = make_faces(60)
    rows = torch.arange(60)
    of = {"retain": rows[:30], "forget": rows[30:45], "validation": rows[45:]}

    def load(*_: Any, only: tuple[str, ...], **__: Any) -> dict[str, Faces]:
        asked.append(only)
        return {name: replace(faces, rows=of[name], labels=faces.labels[of[name]]) for name in only}

    monkeypatch.setattr(search.subsets, "load", load)
    monkeypatch.setattr(models, "load", lambda *_: make_model())
    return asked


def split() -> pd.DataFrame:
    subset = ["retain"] * 30 + ["forget"] * 15 + ["validation"] * 15
    return pd.DataFrame({"image": range(60), "unit": [f"u{n}" for n in range(60)], "subset": subset, "label": 0})


def test_numbers_and_shares_are_searched_and_what_costs_time_or_is_off_is_not() -> None:
    found = search.space(Knobs(learning_rate=0.08))
    assert set(found) == {"learning_rate", "weight", "share"}
    assert (found["weight"].low, found["weight"].high) == (0.25, 16)
    assert (found["share"].low, found["share"].high) == (0.3 / 8, 1), "around its value, within its bounds"
    assert search.space(Knobs(share=0.02))["share"].high == pytest.approx(0.16)


def test_a_share_near_one_is_searched_by_its_distance_from_one() -> None:
    knob = search.space(Knobs(share=0.95))["share"]
    ends = knob.turned(knob.low), knob.turned(knob.high)
    assert ends == pytest.approx((1 - 0.05 / 8, 0.6)), "half of the draws lie above .95"
    assert knob.turned(knob.turned(0.95)) == 0.95


def test_what_softens_is_never_searched_where_it_would_sharpen() -> None:
    assert search.space(muda.Settings(temperature=2.0))["temperature"].low == 1


def test_what_another_setting_switches_off_is_not_searched() -> None:
    assert "learning_rate" not in search.space(ssd.Settings()), "it takes no step"
    assert "regularisation" not in search.space(dlfd.Settings(solver="emd"))
    overruled = set(search.space(dlfd.Settings())) - set(search.space(dlfd.Settings(variant="paper")))
    assert overruled >= {"classification_weight_end", "epsilon"}, "the paper's form sets them itself"


@pytest.mark.parametrize("name", config.method_names())
def test_whatever_is_searched_validates_at_both_ends(name: str) -> None:
    settings = base.get(name).settings()
    for key, knob in search.space(settings).items():
        assert knob.low <= knob.turned(getattr(settings, key)) <= knob.high
        for value in (knob.turned(knob.low), getattr(settings, key), knob.turned(knob.high)):
            _, problems = config._method(name, {name: {key: value}})
            assert not problems


def test_the_first_trial_is_the_present_setting_and_the_best_comes_first(loaded: list[Any]) -> None:
    found, choice = search.search("finetune", SETTINGS, PARAMS, split(), trials=4)
    assert sorted(found["trial"]) == [0, 1, 2, 3]
    first = found.set_index("trial").loc[0]
    assert first["learning_rate"] == pytest.approx(SETTINGS.learning_rate)
    assert found[search.OBJECTIVE].is_monotonic_decreasing
    assert choice.row["trial"] in set(found["trial"])
    assert found["learning_rate"].nunique() == 4
    assert found["learning_rate"].between(SETTINGS.learning_rate / 8, SETTINGS.learning_rate * 8).all()


def test_neither_test_nor_unseen_is_read(loaded: list[tuple[str, ...]]) -> None:
    search.search("finetune", SETTINGS, PARAMS, split(), trials=1)
    assert loaded == [("retain", "forget", "validation")]


def test_a_stopped_search_goes_on_and_another_start_is_another_search(loaded: list[Any]) -> None:
    ran: list[int] = []

    def stop(number: int, _: Any) -> None:
        ran.append(number)
        if number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search.search("finetune", SETTINGS, PARAMS, split(), trials=3, on_trial=stop)
    found, _ = search.search("finetune", SETTINGS, PARAMS, split(), trials=3, on_trial=lambda n, _: ran.append(n))
    assert len(found) == 3
    assert ran == [0, 1, 2, 3], "the one that was broken off is run anew"
    search.search("finetune", SETTINGS, PARAMS, split(), trials=3, on_trial=lambda n, _: ran.append(n))
    assert len(ran) == 4
    search.search("finetune", replace(SETTINGS, learning_rate=0.03), PARAMS, split(), trials=1, on_trial=stop)
    assert ran[4:] == [0]


def test_a_method_that_diverges_is_never_the_best(loaded: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real = base.unlearn

    def unlearn(method: Any, original: Any, subsets: Any, settings: Any, run: base.Run) -> Any:
        model = real(method, original, subsets, settings, run)
        run.status = "diverged" if settings.learning_rate == SETTINGS.learning_rate else run.status
        return model

    monkeypatch.setattr(search.base, "unlearn", unlearn)
    found, _ = search.search("finetune", SETTINGS, PARAMS, split(), trials=3)
    assert list(found["status"]) == ["finished", "finished", "diverged"]
    assert found["gate"].iloc[-1].startswith("it diverged")


ORIGINAL, LIMITS = {gate.ACCURACY: 0.62}, RegisterSettings()


def chosen(rows: list[dict[str, Any]]) -> search.Choice:
    return search.choose(search.judged(pd.DataFrame(rows), ORIGINAL, LIMITS))


def test_chosen_is_the_best_of_those_that_the_gate_lets_pass() -> None:
    rows = [trial(3, 0.8, forgetting=0.33), trial(2, 0.75, accuracy=0.4), trial(1, 0.7), trial(0, 0.65)]
    choice = chosen(rows)
    assert choice.row["trial"] == 1
    assert "2 of 4 trials whose validation figures pass the gate" in choice.why


def test_where_none_passes_the_settings_stay_as_they_are() -> None:
    rows = [trial(1, 0.64, forgetting=0.33), trial(0, 0.63, forgetting=0.34)]
    choice = chosen(rows)
    assert choice.row["trial"] == 0
    assert "no trial passes the gate" in choice.why
    assert "of trial 1, does not count (validation forgetting score 0.33 is above" in choice.why


@pytest.mark.parametrize(("gain", "number"), [(0.0, 0), (0.009, 0), (0.011, 1)])
def test_a_gain_within_noise_leaves_the_settings_as_they_are(gain: float, number: int) -> None:
    choice = chosen([trial(1, 0.7 + gain), trial(0, 0.7)])
    assert choice.row["trial"] == number
    assert ("higher" in choice.why) == (0 < gain < search.LEAST_GAIN)


def test_a_small_gain_over_settings_that_the_gate_refuses_is_taken() -> None:
    assert chosen([trial(1, 0.705), trial(0, 0.7, forgetting=0.33)]).row["trial"] == 1


def test_a_start_that_was_broken_off_is_run_anew_first(loaded: list[Any]) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search.search("finetune", SETTINGS, PARAMS, split(), trials=2, on_trial=stop)
    found, _ = search.search("finetune", SETTINGS, PARAMS, split(), trials=2)
    assert found.set_index("trial").loc[0, "learning_rate"] == pytest.approx(SETTINGS.learning_rate)


def test_a_trial_of_several_seeds_is_their_mean(loaded: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    real = base.unlearn

    def unlearn(method: Any, original: Any, subsets: Any, settings: Any, run: base.Run) -> Any:
        seeds.append(run.seed)
        model = real(method, original, subsets, settings, run)
        run.status, run.seconds = "stopped early" if run.seed == 1 else run.status, float(run.seed)
        return model

    monkeypatch.setattr(search.base, "unlearn", unlearn)
    found, _ = search.search("finetune", SETTINGS, PARAMS, split(), trials=1, seeds=3)
    assert seeds == [0, 1, 2]
    assert found[["status", "seconds"]].to_numpy().tolist() == [["stopped early", 1.0]]
    one, _ = search.search("finetune", SETTINGS, PARAMS, split(), trials=1)
    assert len(seeds) == 4, "a search of one seed is another"
    assert one["status"].tolist() == ["finished"]


def test_another_code_is_another_search(loaded: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    search.search("finetune", SETTINGS, PARAMS, split(), trials=1, on_trial=lambda n, _: ran.append(n))
    monkeypatch.setattr(search, "file_hash", lambda *paths: f"{len(paths)} changed")
    search.search("finetune", SETTINGS, PARAMS, split(), trials=1, on_trial=lambda n, _: ran.append(n))
    assert ran == [0, 0]


def test_where_nomus_is_no_number_nothing_is_tried(loaded: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "on_validation", lambda *_: {search.OBJECTIVE: float("nan")})
    monkeypatch.setattr(search.base, "unlearn", lambda *_: pytest.fail("a trial was paid for"))
    with pytest.raises(ConfigError, match="too few persons"):
        search.search("finetune", SETTINGS, PARAMS, split(), trials=2)


@pytest.mark.parametrize("name", config.method_names())
def test_all_code_of_a_trial_is_hashed(name: str) -> None:
    method = base.get(name).unlearn
    used = code_used.files(
        ("pipeline.data.subsets", "load"),
        ("pipeline.unlearning.base", "unlearn"),
        ("pipeline.evaluation.samples", "per_sample"),
        ("pipeline.evaluation.metrics", "on_validation"),
        (method.__module__, method.__name__),
    )
    hashed = {path for glob in search.CODE for path in Path(search.__file__).parent.glob(glob)}
    hashed.add(Path(inspect.getfile(method)))
    # The faces themselves, and what is only told.
    told = {"data/sources/__init__.py", "data/store.py", "data/subset_names.py", "errors.py", "progress.py"}
    assert {path for path in used if str(path.relative_to("pipeline")) not in told} <= {
        path.relative_to(code_used.ROOT) for path in hashed
    }


def test_every_glob_of_code_finds_some() -> None:
    for glob in search.CODE:
        assert list(Path(search.__file__).parent.glob(glob)), glob
