"""Few persons are asked for among those of forget, and ranked among those of validation."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import make_faces

from benchmarks import few_persons, measure
from pipeline import config
from pipeline.config import Params
from pipeline.unlearning import base

PERSONS = 10  # of forget and of validation each, with three pictures


def table(knows: float) -> pd.DataFrame:
    """Samples whose forget pictures have so much more margin than those of validation, which lie about 0."""
    subset = np.repeat(["forget", "validation"], 3 * PERSONS)
    margin = np.random.default_rng(0).normal(size=6 * PERSONS) + np.where(subset == "forget", knows, 0.0)
    units = np.repeat([f"p{number}" for number in range(2 * PERSONS)], 3)
    return pd.DataFrame({"image": range(6 * PERSONS), "subset": subset, "unit": units, "margin": margin})


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A checkout of which only tables are asked; a model is how much it knows of forget."""
    extra = {"label": 0, "correct": 1.0}
    monkeypatch.setattr(
        few_persons, "per_sample", lambda model, *_: SimpleNamespace(table=table(model).assign(**extra))
    )
    faces = {"retain": make_faces(32), "forget": make_faces(3 * PERSONS, seed=1), "validation": make_faces(30, seed=2)}
    return SimpleNamespace(
        oracle=table(0).assign(margin=0.0, **extra),
        faces=faces,
        judged={name: faces[name] for name in ("forget", "validation")},
        models={"original": 9.0, "retrained": 0.0},
        splits=None,
        params=Params(),
        device=torch.device("cpu"),
    )


def test_who_asks_is_drawn_alike_in_every_run_and_nobody_twice() -> None:
    units = np.array(list("abcdefgh"))
    first, second = (few_persons.drawn(units, 2, 4) for _ in range(2))
    assert first.tolist() == second.tolist()
    assert first.shape == (4, 2)
    assert set(first.flatten()) == set(units)


def test_more_persons_than_forget_has_are_an_error() -> None:
    with pytest.raises(measure.BenchmarkError, match="3 draws of 3 persons: forget has 8"):
        few_persons.drawn(np.array(list("abcdefgh")), 3, 3)


@pytest.mark.parametrize("words", ["", "0", "-1", "1,", "a", "1.5"])
def test_numbers_of_persons_that_are_none_are_an_error(words: str) -> None:
    with pytest.raises(measure.BenchmarkError, match=f"--persons {words}: give different whole numbers"):
        few_persons.main(persons_at_once=words, draws=1)


def test_who_did_not_ask_is_retained() -> None:
    faces = {"retain": make_faces(10), "forget": make_faces(6, seed=1), "validation": make_faces(4, seed=2)}
    given = few_persons.asked(faces, {1, 4})
    assert given["forget"].rows.tolist() == [1, 4]
    assert len(given["retain"]) == 10 + 4
    assert given["retain"].rows.tolist()[10:] == [0, 2, 3, 5]
    assert torch.equal(given["retain"].labels[10:], faces["forget"].labels[[0, 2, 3, 5]])
    assert given["validation"] is faces["validation"]


def test_who_is_like_everybody_else_has_the_middle_rank(judge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    level = table(0).assign(margin=1.0, label=0, correct=1.0)
    monkeypatch.setattr(few_persons, "per_sample", lambda *_: SimpleNamespace(table=level))
    assert few_persons.figures(judge, 0.0, np.array(["p0"]))["mean rank"] == 0.5


@pytest.mark.parametrize(("knows", "low", "high"), [(50.0, 1.0, 1.0), (0.0, 0.2, 0.8), (-50.0, 0.0, 0.0)])
def test_the_mean_rank_tells_remembered_from_over_forgotten(judge: Any, knows: float, low: float, high: float) -> None:
    found = few_persons.figures(judge, knows, np.array(["p0", "p4"]))
    assert low <= found["mean rank"] <= high


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any, int, int]]:
    """Method, settings, forget and retain pictures of every unlearning."""
    calls = []

    def unlearn(method: Any, start: float, faces: Any, settings: Any, run: base.Run) -> float:
        calls.append((method.name, settings, len(faces["forget"]), len(faces["retain"])))
        run.status = "diverged" if getattr(settings, "matching_weight", 1) == 0 else "finished"
        return 0.0

    monkeypatch.setattr(base, "unlearn", unlearn)
    return calls


def test_the_controls_lift_nothing_or_by_a_plain_mean(judge: Any, given: Any) -> None:
    rows = few_persons.request(judge, np.array(["p1", "p2"]), seed=3)
    assert [row["tried"] for row in rows] == ["original", *few_persons.TRIED]
    assert [name for name, *_ in given] == ["dlfd", "dlfd", "dlfd", "finetune"]
    assert {(forget, retain) for *_, forget, retain in given} == {(6, 32 + 24)}
    own, none, plain = (settings for _, settings, *_ in given[:3])
    assert none.matching_weight == 0
    assert plain.matching_weight * 6 / own.batch_size == pytest.approx(own.matching_weight)


def test_a_full_batch_has_a_plain_mean_anyway() -> None:
    own: Any = config.method_settings("dlfd")
    assert few_persons.changed(few_persons.PLAIN, own.batch_size + 1) == {"matching_weight": own.matching_weight}


def test_the_record_has_means_and_every_draw(
    judge: Any, given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(few_persons, "Judge", lambda: judge)
    monkeypatch.setattr(measure, "folder", lambda: tmp_path)
    monkeypatch.setattr(measure, "data_set", lambda: "synthetic")
    few_persons.main(persons_at_once="2", draws=1)
    alone = json.loads((tmp_path / "few_persons-cpu.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert {row["standard error"] for row in alone["rows"]} == {None}, "of one draw there is none, and NaN is no JSON"
    few_persons.main(persons_at_once="1,4", draws=2)
    record = json.loads((tmp_path / "few_persons-cpu.json").read_text(encoding="utf-8"))
    assert [(row["persons"], row["tried"]) for row in record["rows"]] == [
        (count, tried) for count in (1, 4) for tried in ("original", *few_persons.TRIED)
    ]
    assert [row["diverged"] for row in record["rows"][:3]] == [0, 0, 2], "of this test where nothing is lifted"
    assert record["rows"][0]["mean rank"] == 1.0, "the original of this test knows everybody"
    assert record["rows"][0]["of each draw"] == "1.00 1.00"
