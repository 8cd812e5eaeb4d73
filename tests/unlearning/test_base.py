from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from helpers import make_faces, make_model, same_state, state

from pipeline.config import method_names
from pipeline.data.batches import Faces
from pipeline.models import FaceClassifier
from pipeline.settings import TrainSettings
from pipeline.training import Updater, fit
from pipeline.unlearning import base

SUBSETS = {"retain": make_faces(48), "forget": make_faces(20, seed=1), "validation": make_faces(20, seed=2)}
QUICK: dict[str, Any] = {"batch_size": 16, "epochs": 1, "precision": "fp32"}


@pytest.fixture(scope="module")
def original() -> FaceClassifier:
    """A model that has learned retain and forget."""
    model = make_model()
    both = make_faces(48)
    both = Faces(
        images=torch.cat([SUBSETS["retain"].images, SUBSETS["forget"].images]),
        rows=torch.arange(68),
        labels=torch.cat([SUBSETS["retain"].labels, SUBSETS["forget"].labels]),
    )
    fit(model, both, TrainSettings(epochs=8, batch_size=16, learning_rate=0.05, precision="fp32"), seed=0)
    return model


def run_method(name: str, original: FaceClassifier, seed: int = 0, **knobs: Any) -> tuple[FaceClassifier, base.Run]:
    method = base.get(name)
    run = base.Run(seed=seed)
    model = base.unlearn(method, original, SUBSETS, method.settings(**{**QUICK, **knobs}), run)
    return model, run


@pytest.mark.parametrize("name", method_names())
def test_the_original_stays_as_it_is_and_the_copy_moves(name: str, original: FaceClassifier) -> None:
    before = state(original)
    model, run = run_method(name, original)
    assert same_state(before, state(original))
    assert not same_state(before, state(model))
    assert not model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert run.history
    assert run.seconds > 0


@pytest.mark.parametrize("name", method_names())
def test_a_method_is_deterministic_for_a_seed(name: str, original: FaceClassifier) -> None:
    first, again, other = (run_method(name, original, seed)[0] for seed in (0, 0, 1))
    assert same_state(state(first), state(again))
    assert not same_state(state(first), state(other))


@pytest.mark.parametrize("name", method_names())
def test_a_learning_rate_out_of_hand_is_recorded_and_leaves_finite_weights(name: str, original: FaceClassifier) -> None:
    knobs: dict[str, Any] = {"learning_rate": 1e35, "epochs": 3}
    if name == "neggrad":
        knobs["stop_at_chance"] = False
    model, run = run_method(name, original, **knobs)
    assert run.status == "diverged"
    assert run.note
    assert all(value.isfinite().all() for value in model.state_dict().values())


@pytest.mark.parametrize(
    ("name", "subsets"),
    [("finetune", {"retain"}), ("neggrad", {"forget"}), ("dlfd", {"retain", "forget", "validation"})],
)
def test_a_method_gets_what_its_paper_assumes(name: str, subsets: set[str]) -> None:
    assert set(base.get(name).subsets) == subsets


def test_pictures_are_counted_forward_and_backward(original: FaceClassifier) -> None:
    _, run = run_method("finetune", original, epochs=2)
    assert run.forward_images == run.backward_images == 2 * 48
    _, run = run_method("neggrad", original, epochs=1, learning_rate=1e-6)
    assert run.forward_images == run.backward_images == 20


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
