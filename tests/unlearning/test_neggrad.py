from __future__ import annotations

import math

from helpers import CLASSES, make_faces, make_model

from pipeline.learning.training import fit, losses_of
from pipeline.settings import TrainSettings
from pipeline.unlearning import neggrad
from pipeline.unlearning.base import Run

FORGET = make_faces(32)


def memorised():  # type: ignore[no-untyped-def]
    model = make_model()
    fit(model, FORGET, TrainSettings(epochs=15, batch_size=16, learning_rate=0.05, precision="fp32"), seed=0)
    return model


def test_ascent_raises_the_forget_loss() -> None:
    model = memorised()
    before = float(losses_of(model, FORGET).mean())
    knobs = neggrad.Settings(epochs=4, batch_size=16, learning_rate=0.05, precision="fp32")
    neggrad.unlearn(model, knobs, Run(seed=0), forget=FORGET)
    assert float(losses_of(model, FORGET).mean()) > 1.2 * before


def test_it_stops_at_the_loss_of_a_uniform_guess() -> None:
    model, run = memorised(), Run(seed=0)
    knobs = neggrad.Settings(epochs=200, batch_size=16, learning_rate=0.02, schedule="constant", precision="fp32")
    neggrad.unlearn(model, knobs, run, forget=FORGET)
    assert run.status == "stopped early"
    assert "uniform guess" in run.note
    assert run.history[-1]["loss"] >= math.log(CLASSES) > run.history[-2]["loss"]
    assert len(run.history) < 400
