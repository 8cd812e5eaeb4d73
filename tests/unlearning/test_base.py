from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from helpers import make_model, make_subsets, same_state, state

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import Updater
from pipeline.settings import TrainSettings
from pipeline.unlearning import base

SUBSETS = make_subsets()


@pytest.fixture(scope="module")
def original() -> FaceClassifier:
    return make_model()


def test_pictures_are_counted_forward_and_backward(original: FaceClassifier) -> None:
    quick: dict[str, Any] = {"batch_size": 16, "precision": "fp32"}
    for name, knobs, count in (
        ("finetune", {"epochs": 2}, 96),
        ("neggrad", {"epochs": 1, "stop_at_chance": False}, 20),
    ):
        method, run = base.get(name), base.Run(seed=0)
        base.unlearn(method, original, SUBSETS, method.settings(**quick, **knobs), run)
        assert run.forward_images == run.backward_images == count


def fake_method(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    module = ModuleType("pipeline.unlearning.fake")
    module.Settings, module.unlearn = TrainSettings, function  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_a_method_that_asks_for_an_unknown_subset_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unlearn(model: Any, settings: Any, run: Any, *, unseen: Any) -> None: ...

    fake_method(monkeypatch, unlearn)
    with pytest.raises(TypeError, match="unseen"):
        base.get("fake")


def test_weights_that_overflow_in_the_last_step_give_the_original_back(
    monkeypatch: pytest.MonkeyPatch, original: FaceClassifier
) -> None:
    def unlearn(model: FaceClassifier, settings: Any, run: Any, *, retain: Faces) -> None:
        updater = Updater(model.parameters(), settings, 1)
        updater.step(model.head.weight.sum() * float("inf"))

    fake_method(monkeypatch, unlearn)
    run = base.Run(seed=0)
    model = base.unlearn(base.get("fake"), original, SUBSETS, TrainSettings(), run)
    assert run.status == "diverged"
    assert same_state(state(model), state(original))


def test_weights_that_are_finite_but_give_no_finite_loss_give_the_original_back(
    monkeypatch: pytest.MonkeyPatch, original: FaceClassifier
) -> None:
    def unlearn(model: FaceClassifier, settings: Any, run: Any, *, forget: Faces) -> None:
        with torch.no_grad():
            model.head.weight.fill_(3e38)

    fake_method(monkeypatch, unlearn)
    run = base.Run(seed=0)
    model = base.unlearn(base.get("fake"), original, SUBSETS, TrainSettings(), run)
    assert run.status == "diverged"
    assert "losses" in run.note
    assert same_state(state(model), state(original))


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([1.0, 500.0, 1.0], "rose to 500 at step 1"),
        ([1.0, 3.0, 1.0], ""),
        ([1.0, 500.0], ""),  # of its own will: it ends there
        ([], ""),
    ],
)
def test_a_loss_that_ran_away_and_came_back_is_told(
    monkeypatch: pytest.MonkeyPatch, original: FaceClassifier, losses: list[float], told: str
) -> None:
    def unlearn(model: FaceClassifier, settings: Any, run: base.Run, *, retain: Faces) -> None:
        for step, loss in enumerate(losses):
            run.log(step=step, loss=loss)

    fake_method(monkeypatch, unlearn)
    run = base.Run(seed=0)
    base.unlearn(base.get("fake"), original, SUBSETS, TrainSettings(), run)
    assert run.status == "finished"
    assert told in run.warning
    assert bool(run.warning) is bool(told)


def test_a_loss_that_ran_away_to_the_end_diverged_and_did_not_come_back(
    monkeypatch: pytest.MonkeyPatch, original: FaceClassifier
) -> None:
    def unlearn(model: FaceClassifier, settings: Any, run: base.Run, *, retain: Faces) -> None:
        for step, loss in enumerate((500.0, 1.0, float("nan"))):
            run.log(step=step, loss=run.check(torch.tensor(loss)))

    fake_method(monkeypatch, unlearn)
    run = base.Run(seed=0)
    base.unlearn(base.get("fake"), original, SUBSETS, TrainSettings(), run)
    assert (run.status, run.warning) == ("diverged", "")
