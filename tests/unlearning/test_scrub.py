"""SCRUB: away from the teacher and back, and the rewind."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from helpers import make_faces, make_model, same_state, state
from memorised import FORGET, QUICK, RETAIN, VALIDATION

from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import divergence, losses
from pipeline.learning.training import Updater, logits_of, losses_of
from pipeline.unlearning import (
    scrub,
)
from pipeline.unlearning.base import Run


def test_scrub_goes_away_on_forget_and_comes_back_on_retain(model: FaceClassifier) -> None:
    teacher = copy.deepcopy(model).eval()
    knobs = scrub.Settings(**QUICK, epochs=3, learning_rate=0.05, schedule="constant")

    def apart(faces: Any) -> float:
        return float(divergence(logits_of(model, faces), logits_of(teacher, faces), multi_label=False).mean())

    updater, run = Updater(model.parameters(), knobs, 100), Run(seed=0)
    assert apart(FORGET) == pytest.approx(0, abs=1e-6)
    for epoch in range(3):
        scrub.max_epoch(model, teacher, FORGET, knobs, run, updater, epoch, lambda _: None)
    away = apart(FORGET)
    assert away > 0.05
    retain_before = float(losses_of(model, RETAIN).mean())
    for epoch in range(3):
        scrub.min_epoch(model, teacher, RETAIN, knobs, run, updater, epoch, lambda _: None)
    assert float(losses_of(model, RETAIN).mean()) < retain_before


def test_scrubs_steps_are_on_its_two_objectives_and_nothing_else(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No classification in a max step; divergence once, at its weight, in a min step."""
    teacher, asked = make_model(7).eval(), []
    monkeypatch.setattr(Updater, "step", lambda self, loss: asked.append(float(loss.detach())))
    knobs = scrub.Settings(**QUICK, distillation_weight=0.3, classification_weight=0.6, temperature=2.0)
    updater, faces = Updater(model.parameters(), knobs, 2), RETAIN.take(torch.arange(16))
    scrub.max_epoch(model, teacher, faces, knobs, Run(seed=0), updater, 0, lambda _: None)
    scrub.min_epoch(model, teacher, faces, knobs, Run(seed=0), updater, 0, lambda _: None)
    with torch.no_grad():
        pixels = faces.pixels(torch.arange(16))
        logits = model.train()(pixels)
        away = float(divergence(logits, teacher(pixels), multi_label=False, temperature=2.0).mean())
        classification = float(losses(logits, faces.labels).mean())
    assert asked == pytest.approx([-away, 0.3 * away + 0.6 * classification], rel=1e-3)


def test_scrub_ends_every_epoch_with_the_retain_set(model: FaceClassifier) -> None:
    run, knobs = Run(seed=0), scrub.Settings(**QUICK, epochs=2, msteps=2, learning_rate=1e-4)
    scrub.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET, validation=VALIDATION)
    epoch = [True] * FORGET.batches(16) + [False] * RETAIN.batches(16)
    assert ["forget_divergence" in row for row in run.history] == epoch * 2


def test_scrub_rewinds_by_validation_pictures_of_the_labels_of_forget(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(scrub, "rewind", lambda model, states, forget, validation, run: given.append(validation))
    one_label = FORGET.take((FORGET.labels == 0).nonzero().flatten())
    knobs = scrub.Settings(**QUICK, epochs=1, msteps=0)
    validation = make_faces(120, seed=5)
    scrub.unlearn(model, knobs, Run(seed=0), retain=RETAIN, forget=one_label, validation=validation)
    assert set(given[0].labels.tolist()) == {0}
    assert given[0].images is validation.images


@pytest.mark.parametrize(("msteps", "epochs", "ascents"), [(0, 2, 0), (1, 3, 1), (2, 3, 2), (9, 2, 2)])
def test_scrub_ascends_in_as_many_epochs_as_msteps_says(
    model: FaceClassifier, msteps: int, epochs: int, ascents: int
) -> None:
    run = Run(seed=0)
    knobs = scrub.Settings(**QUICK, epochs=epochs, msteps=msteps, learning_rate=1e-4)
    scrub.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET, validation=VALIDATION)
    assert sum("forget_divergence" in row for row in run.history) == ascents * FORGET.batches(16)


@pytest.mark.parametrize(("reference", "chosen"), [(2.0, 2), (0.2, 0), (0.9, 1), (5.0, 3)])
def test_scrub_rewinds_to_the_epoch_whose_forget_loss_is_nearest(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch, reference: float, chosen: int
) -> None:
    states = []
    for epoch in range(4):
        with torch.no_grad():
            model.head.bias.fill_(epoch)
        states.append(state(model))
    forget_losses = (0.1, 1.0, 2.1, 4.0)

    def told(of: FaceClassifier, faces: Any) -> torch.Tensor:
        return torch.tensor([forget_losses[int(of.head.bias[0])] if faces is FORGET else reference])

    monkeypatch.setattr(scrub, "losses_of", told)
    scrub.rewind(model, states, FORGET, VALIDATION, run := Run(seed=0))
    assert same_state(state(model), states[chosen])
    assert run.note.startswith("rewound") == (chosen < 3)


def test_scrub_goes_back_where_it_forgot_too_much(model: FaceClassifier) -> None:
    knobs = {**QUICK, "epochs": 6, "msteps": 6, "learning_rate": 0.2, "schedule": "constant"}
    ends, notes = {}, {}
    for rewind in (False, True):
        copied, run = copy.deepcopy(model), Run(seed=0)
        scrub.unlearn(
            copied, scrub.Settings(**knobs, rewind=rewind), run, retain=RETAIN, forget=FORGET, validation=VALIDATION
        )
        ends[rewind], notes[rewind] = float(losses_of(copied, FORGET).mean()), run.note
    assert notes[False] == ""
    assert notes[True].startswith("rewound")
    assert ends[True] < ends[False]


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_scrub_distils_at_its_temperature(model: FaceClassifier, temperature: float) -> None:
    teacher = make_model(7).eval()
    batch = RETAIN.pixels(torch.arange(16))
    run, knobs = Run(seed=0), scrub.Settings(**QUICK, learning_rate=1e-9, temperature=temperature)
    updater = Updater(model.parameters(), knobs, 10)
    first = RETAIN.take(torch.arange(16))
    scrub.min_epoch(model.train(), teacher, first, knobs, run, updater, 0, lambda _: None)
    with torch.no_grad():  # the pass was in training mode: the same here, on the same 16 pictures
        wanted = divergence(model(batch), teacher(batch), multi_label=False, temperature=temperature).mean()
    assert run.history[0]["retain_divergence"] == pytest.approx(float(wanted), rel=1e-3)
