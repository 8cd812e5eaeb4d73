"""UNSIR: noise that impairs, and the repair."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import CLASSES, SIDE, same_state, state
from memorised import FORGET, QUICK, RETAIN

from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import losses
from pipeline.learning.training import losses_of
from pipeline.unlearning import (
    unsir,
)
from pipeline.unlearning.base import Run


def test_noise_is_learned_under_the_label_it_was_made_for(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[torch.Tensor] = []
    plain_noise, plain_losses = unsir.make_noise, unsir.losses
    learned: list[torch.Tensor] = []

    def make_noise(model: Any, labels: torch.Tensor, *rest: Any) -> torch.Tensor:
        made.append(labels)
        monkeypatch.setattr(unsir, "losses", plain_losses)
        noise = plain_noise(model, labels, *rest)
        monkeypatch.setattr(unsir, "losses", watched)
        return noise

    def watched(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        learned.append(labels)
        return plain_losses(logits, labels)

    monkeypatch.setattr(unsir, "make_noise", make_noise)
    monkeypatch.setattr(unsir, "losses", watched)
    knobs = unsir.Settings(**QUICK, epochs=2, impair_epochs=1, noise_steps=1)
    unsir.unlearn(model, knobs, Run(seed=0), retain=RETAIN, forget=FORGET)
    assert len(made) == 3
    for noise_labels, all_labels in zip(made, learned, strict=False):
        assert torch.equal(all_labels[-len(noise_labels) :], noise_labels)
    assert sorted(torch.cat(made).tolist()) == sorted(FORGET.labels.tolist()), "each forget picture's label once"


def test_impairing_to_the_end_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves none to repair"):
        unsir.Settings(epochs=2, impair_epochs=2)


def test_noise_is_worse_than_any_real_picture_of_its_label(model: FaceClassifier) -> None:
    before = state(model)
    real = losses_of(model, RETAIN)
    noise = unsir.make_noise(
        model, RETAIN.labels, (SIDE, SIDE), unsir.Settings(**QUICK, noise_steps=30), torch.Generator().manual_seed(0)
    )
    found = losses(model(noise), RETAIN.labels).detach()
    for label in range(CLASSES):
        assert found[RETAIN.labels == label].min() > real[RETAIN.labels == label].max()
    assert same_state(before, state(model))
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_penalty_holds_the_noise(model: FaceClassifier) -> None:
    sizes = []
    for penalty in (0.0, 10.0):
        knobs = unsir.Settings(**QUICK, noise_penalty=penalty)
        noise = unsir.make_noise(model, RETAIN.labels, (SIDE, SIDE), knobs, torch.Generator().manual_seed(0))
        sizes.append(float((noise - model.denormalise(torch.zeros(()))).square().mean()))
    assert sizes[1] < 0.8 * sizes[0]


def test_noise_is_learned_in_the_impair_epochs_alone(model: FaceClassifier) -> None:
    run = Run(seed=0)
    knobs = unsir.Settings(**QUICK, epochs=3, impair_epochs=1, noise_steps=2)
    stop = run.watch(model)
    unsir.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)
    stop()
    assert [bool(row["impair"]) for row in run.history] == [True] * 3 + [False] * 6
    noise = len(FORGET)
    assert run.forward_images == 3 * len(RETAIN) + noise * (1 + 2)
