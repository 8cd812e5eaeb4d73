"""DLFD follows the original on retain pictures."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from dlfd_runs import LABELS, PIXELS, memorised, run_dlfd, settings, wanted
from helpers import make_faces, make_model, same_state, state

from pipeline.learning.training import logits_of
from pipeline.unlearning import dlfd
from pipeline.unlearning.base import Run


def test_what_the_original_says_of_retain_pictures_is_followed_beside_their_labels() -> None:
    model, original = make_model(), make_model(seed=1)
    before, batch = state(original), torch.cat([PIXELS, PIXELS.flip(3)])
    logits = copy.deepcopy(model).train()(batch)
    told, said = (F.log_softmax(one.detach() / 3, dim=1) for one in (original(batch), logits))
    away = float(9 * (told.exp() * (told - said)).sum(1).mean())
    plain = float(F.cross_entropy(logits, torch.cat([LABELS, LABELS])).detach())
    loss, figures = dlfd.step_loss(model, original, batch, LABELS, settings(distillation_weight=0.3, temperature=3.0))
    assert figures["divergence"] == pytest.approx(away, rel=1e-4)
    assert away > 0.01
    assert float(loss.detach()) == pytest.approx(0.7 * plain + 0.3 * away, rel=1e-4)
    loss.backward()
    assert same_state(before, state(original))
    assert all(parameter.grad is None for parameter in original.parameters())


def test_who_only_follows_the_original_learns_no_label() -> None:
    found = []
    for labels in (LABELS, (LABELS + 1) % 3):
        model = make_model()
        loss, _ = dlfd.step_loss(model, make_model(seed=1), PIXELS, labels, settings(distillation_weight=1.0))
        loss.backward()
        found.append([parameter.grad for parameter in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_following_and_matching_are_parts_of_one_loss() -> None:
    """(1 − d)·CE + d·T²·KL on the retain batch, clean and pushed, + m·shortfall, all of one forward pass."""
    model, original, batch = make_model(), make_model(seed=1), torch.cat([PIXELS, PIXELS.flip(3)])
    unseen, forget = next(make_faces(8, seed=1).in_order(8)), next(make_faces(8, seed=2).in_order(8))
    logits = copy.deepcopy(model).train()(torch.cat([batch, forget[0]]))[: len(batch)].detach()
    told, said = (F.log_softmax(one / 2, dim=1) for one in (original(batch).detach(), logits))
    away = float(4 * (told.exp() * (told - said)).sum(1).mean())
    plain = float(F.cross_entropy(logits, torch.cat([LABELS, LABELS])))
    knobs = settings(distillation_weight=0.3, temperature=2.0)
    beside = dlfd.Lifted(forget, wanted(model, batch, unseen), weight=3.0)
    loss, figures = dlfd.step_loss(model, original, batch, LABELS, knobs, beside)
    assert figures["shortfall"] > 0
    expected = 0.7 * plain + 0.3 * away + 3.0 * figures["shortfall"]
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)


def test_the_model_before_unlearning_is_followed_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = state(make_model()), []
    plain = dlfd.step_loss

    def step_loss(model: Any, original: Any, *others: Any) -> Any:
        seen.append(original is not model and not original.training and same_state(before, state(original)))
        return plain(model, original, *others)

    monkeypatch.setattr(dlfd, "step_loss", step_loss)
    model, _ = run_dlfd(distillation_weight=0.5, matching_weight=0.5)
    assert seen == [True] * 4
    assert not same_state(before, state(model))


def test_following_the_original_keeps_the_model_near_it_on_retain_pictures() -> None:
    original, forget, unseen = memorised()
    retain, found = make_faces(64, seed=3), {}
    retain = replace(retain, labels=(retain.labels + 1) % 3)  # what the labels say, the original does not
    wanted = F.softmax(logits_of(original, retain), dim=1)
    for weight in (0.0, 0.9):
        model, knobs = copy.deepcopy(original), settings(distillation_weight=weight, epochs=4, learning_rate=0.02)
        dlfd.unlearn(model, knobs, Run(seed=0), retain=retain, forget=forget, validation=unseen)
        found[weight] = float((F.softmax(logits_of(model, retain), dim=1) - wanted).abs().sum(1).mean())
    assert found[0.9] < 0.5 * found[0.0]
