"""The trials of a search: on which pictures, and that it goes on where it was stopped."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import code_used
import pandas as pd
import pytest
import torch
from helpers import make_faces, make_model

from pipeline import config, layout
from pipeline.config import Params
from pipeline.data.batches import Faces
from pipeline.errors import ConfigError
from pipeline.evaluation.verdict import FEWEST
from pipeline.learning import models
from pipeline.search import trials
from pipeline.search.choice import OBJECTIVE
from pipeline.settings import EvaluateSettings
from pipeline.unlearning import base, finetune

SETTINGS = finetune.Settings(epochs=1, batch_size=16, precision="fp32", augment=False, learning_rate=0.02)
PARAMS = Params(device="cpu", evaluate=EvaluateSettings(attack_folds=3))


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """A workspace with a tiny original; the subsets that were asked for."""
    monkeypatch.chdir(tmp_path)
    (layout.MODELS / "original").mkdir(parents=True)
    (layout.MODELS / "original/model.safetensors").write_bytes(b"weights")
    asked: list[tuple[str, ...]] = []
    faces = make_faces(70)
    rows = torch.arange(70)
    of = {"retain": rows[:30], "forget": rows[30:50], "validation": rows[50:]}

    def load(*_: Any, only: tuple[str, ...], **__: Any) -> dict[str, Faces]:
        asked.append(only)
        return {name: replace(faces, rows=of[name], labels=faces.labels[of[name]]) for name in only}

    monkeypatch.setattr(trials.subsets, "load", load)
    monkeypatch.setattr(models, "load", lambda *_: make_model())
    return asked


def split() -> pd.DataFrame:
    subset = ["retain"] * 30 + ["forget"] * 20 + ["validation"] * 20
    return pd.DataFrame({"image": range(70), "unit": [f"u{n}" for n in range(70)], "subset": subset, "label": 0})


def test_the_first_trial_is_the_present_setting_and_the_best_comes_first(loaded: list[Any]) -> None:
    found, choice = trials.search("finetune", SETTINGS, PARAMS, split(), trials=4)
    assert sorted(found["trial"]) == [0, 1, 2, 3]
    first = found.set_index("trial").loc[0]
    assert first["learning_rate"] == pytest.approx(SETTINGS.learning_rate)
    assert found[OBJECTIVE].is_monotonic_decreasing
    assert choice.row["trial"] in set(found["trial"])
    assert found["learning_rate"].nunique() == 4
    assert found["learning_rate"].between(SETTINGS.learning_rate / 8, SETTINGS.learning_rate * 8).all()


def test_neither_test_nor_unseen_is_read(loaded: list[tuple[str, ...]]) -> None:
    trials.search("finetune", SETTINGS, PARAMS, split(), trials=1)
    assert loaded == [("retain", "forget", "validation")]


def test_a_stopped_search_goes_on_and_another_start_is_another_search(loaded: list[Any]) -> None:
    ran: list[int] = []

    def stop(number: int, _: Any) -> None:
        ran.append(number)
        if number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trials.search("finetune", SETTINGS, PARAMS, split(), trials=3, on_trial=stop)
    found, _ = trials.search("finetune", SETTINGS, PARAMS, split(), trials=3, on_trial=lambda n, _: ran.append(n))
    assert len(found) == 3
    assert ran == [0, 1, 1, 2], "the one that was broken off is run anew, under the number that its row has"
    trials.search("finetune", SETTINGS, PARAMS, split(), trials=3, on_trial=lambda n, _: ran.append(n))
    assert len(ran) == 4
    trials.search("finetune", replace(SETTINGS, learning_rate=0.03), PARAMS, split(), trials=1, on_trial=stop)
    assert ran[4:] == [0]


def test_a_method_that_diverges_is_never_the_best(loaded: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real = base.unlearn

    def unlearn(method: Any, original: Any, subsets: Any, settings: Any, run: base.Run) -> Any:
        model = real(method, original, subsets, settings, run)
        run.status = "diverged" if settings.learning_rate == SETTINGS.learning_rate else run.status
        return model

    monkeypatch.setattr(trials.base, "unlearn", unlearn)
    found, _ = trials.search("finetune", SETTINGS, PARAMS, split(), trials=3)
    assert list(found["status"]) == ["finished", "finished", "diverged"]
    assert found["gate"].iloc[-1].startswith("it diverged")


def test_a_start_that_was_broken_off_is_run_anew_first(loaded: list[Any]) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trials.search("finetune", SETTINGS, PARAMS, split(), trials=2, on_trial=stop)
    found, _ = trials.search("finetune", SETTINGS, PARAMS, split(), trials=2)
    assert found.set_index("trial").loc[0, "learning_rate"] == pytest.approx(SETTINGS.learning_rate)


def test_a_trial_of_several_seeds_is_their_mean(loaded: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    real = base.unlearn

    def unlearn(method: Any, original: Any, subsets: Any, settings: Any, run: base.Run) -> Any:
        seeds.append(run.seed)
        model = real(method, original, subsets, settings, run)
        run.status, run.seconds = "stopped early" if run.seed == 1 else run.status, float(run.seed)
        return model

    monkeypatch.setattr(trials.base, "unlearn", unlearn)
    found, _ = trials.search("finetune", SETTINGS, PARAMS, split(), trials=1, seeds=3)
    assert seeds == [0, 1, 2]
    assert found[["status", "seconds"]].to_numpy().tolist() == [["stopped early", 1.0]]
    one, _ = trials.search("finetune", SETTINGS, PARAMS, split(), trials=1)
    assert len(seeds) == 4, "a search of one seed is another"
    assert one["status"].tolist() == ["finished"]


def test_another_code_is_another_search(loaded: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    trials.search("finetune", SETTINGS, PARAMS, split(), trials=1, on_trial=lambda n, _: ran.append(n))
    real = trials.file_hash
    monkeypatch.setattr(trials, "file_hash", lambda *paths: real(*paths) + ("" if len(paths) == 1 else " changed"))
    trials.search("finetune", SETTINGS, PARAMS, split(), trials=1, on_trial=lambda n, _: ran.append(n))
    assert ran == [0, 0]


@pytest.mark.parametrize("subset", ["forget", "validation"])
def test_with_few_persons_nothing_is_tried(loaded: list[Any], monkeypatch: pytest.MonkeyPatch, subset: str) -> None:
    monkeypatch.setattr(trials.base, "unlearn", lambda *_: pytest.fail("a trial was paid for"))
    few = split()
    own = few["subset"] == subset
    few.loc[own, "unit"] = [f"u{number % (FEWEST - 1)}" for number in range(own.sum())]
    with pytest.raises(ConfigError, match=f"{FEWEST - 1} person.* below {FEWEST} NoMUS"):
        trials.search("finetune", SETTINGS, PARAMS, few, trials=2)


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
    hashed = {path for glob in trials.CODE for path in trials.LIBRARY.glob(glob)}
    hashed.add(Path(inspect.getfile(method)))
    # The faces themselves, and what is only told.
    told = {"data/sources/__init__.py", "data/store.py", "data/subset_names.py", "errors.py", "progress.py"}
    assert {path for path in used if str(path.relative_to("pipeline")) not in told} <= {
        path.relative_to(code_used.ROOT) for path in hashed
    }


def test_every_glob_of_code_finds_some() -> None:
    for glob in trials.CODE:
        assert list(trials.LIBRARY.glob(glob)), glob
