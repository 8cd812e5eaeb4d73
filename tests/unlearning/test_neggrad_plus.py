"""NegGrad+: both sides at once."""

from __future__ import annotations

import copy

import pytest
from memorised import FORGET, QUICK, RETAIN

from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import Updater, losses_of
from pipeline.unlearning import (
    neggrad_plus,
)
from pipeline.unlearning.base import Run


def test_neggrad_plus_raises_forget_and_keeps_retain(model: FaceClassifier) -> None:
    before = [float(losses_of(model, faces).mean()) for faces in (RETAIN, FORGET)]
    knobs = neggrad_plus.Settings(**QUICK, epochs=10, retain_weight=0.8)
    neggrad_plus.unlearn(model, knobs, Run(seed=0), retain=RETAIN, forget=FORGET)
    after = [float(losses_of(model, faces).mean()) for faces in (RETAIN, FORGET)]
    assert after[0] < before[0] + 0.1
    assert after[1] > before[1] + 0.2


def test_neggrad_plus_weighs_both_sides(model: FaceClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(Updater, "step", lambda self, loss: asked.append(float(loss.detach())))
    run, knobs = Run(seed=0), neggrad_plus.Settings(**QUICK, retain_weight=0.7, stop_at_chance=False)
    neggrad_plus.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)
    assert asked == pytest.approx([0.7 * row["loss"] - 0.3 * row["forget_loss"] for row in run.history], abs=1e-6)


def test_with_all_weight_on_retain_neggrad_plus_is_fine_tuning_beside_forget(model: FaceClassifier) -> None:
    one, run = copy.deepcopy(model), Run(seed=0)
    knobs = neggrad_plus.Settings(**QUICK, epochs=5, retain_weight=1.0)
    neggrad_plus.unlearn(one, knobs, run, retain=RETAIN, forget=FORGET)
    assert float(losses_of(one, RETAIN).mean()) < float(losses_of(model, RETAIN).mean())
