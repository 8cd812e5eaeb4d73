"""DLFD's pass: the paper's form, pushing and its end, what a step learns."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from dlfd_runs import run_dlfd, settings
from helpers import make_faces, make_model, same_state, state

from pipeline import config
from pipeline.evaluation.forgetting_check import ForgettingCheck
from pipeline.learning.training import Updater, fit
from pipeline.unlearning import dlfd
from pipeline.unlearning.base import Run


def test_the_classification_weight_rises_linearly() -> None:
    knobs = settings(classification_weight_start=0.2, classification_weight_end=1.0)
    weights = [dlfd.classification_weight(knobs, share) for share in (0, 0.25, 0.5, 1)]
    assert weights == pytest.approx([0.2, 0.4, 0.6, 1.0])


def test_the_papers_form_is_the_papers_whatever_else_is_set() -> None:
    ours = {"variant": "paper", "matching_weight": 0.5, "epochs": 2, "mix_clean": True, "distillation_weight": 0.5}
    told, _ = run_dlfd(**ours, recovery_share=0.5, classification_weight_end=0.1)
    plain, run = run_dlfd(mix_clean=False, epsilon=1.0, classification_weight_end=1.0)
    assert same_state(state(told), state(plain))
    assert not any({"shortfall", "divergence"} & set(row) for row in run.history)
    other, _ = run_dlfd(**{**ours, "variant": "matched"}, recovery_share=0.5, classification_weight_end=0.1)
    assert not same_state(state(told), state(other))


def test_the_papers_form_is_told_as_it_was_run(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("dlfd: {variant: paper, epochs: 3, epsilon: 0.1, ot_weight: 2.0}\n")
    found = config.method_settings("dlfd", tmp_path / "params.yaml")
    assert {name: getattr(found, name) for name in dlfd.PAPER} == dlfd.PAPER
    assert found.ot_weight == 2.0, "what is no part of ours stays"


def test_after_the_threshold_the_pass_is_cross_entropy_alone() -> None:
    model, run = run_dlfd(forgetting_threshold=1.0)  # already below it at the first check
    assert not any(row["distancing"] for row in run.history)
    assert sum("forgetting_score" in row for row in run.history) == 1
    expected, knobs = make_model(), settings()
    retain = make_faces(64)
    updater = Updater(expected.parameters(), knobs, retain.batches(16))
    expected.train()
    for pixels, labels in retain.epoch(16, seed=0, epoch=0, augment=True):
        updater.step(F.cross_entropy(expected(pixels), labels))
    assert same_state(state(expected), state(model))


def test_with_no_push_and_no_clean_mix_it_is_plain_fine_tuning() -> None:
    off, _ = run_dlfd(forgetting_threshold=1.0)
    zero, run = run_dlfd(ot_weight=0, classification_weight_end=0, mix_clean=False, dynamic=False)
    assert all(row["distancing"] for row in run.history), "nothing ends the phase in which batches are pushed"
    assert same_state(state(off), state(zero))


def test_distancing_never_stops_by_score_where_the_threshold_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ForgettingCheck, "__call__", lambda self, model: (0.3, 0.65))
    _, run = run_dlfd(forgetting_threshold=0, check_every=1)
    assert all(row["distancing"] for row in run.history)
    assert all(math.isfinite(row["ot_cost"]) for row in run.history)


def test_distancing_stops_where_the_forget_set_is_no_longer_easier(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([(0.3, 0.65), (0.3, 0.35)])  # the second is over-forgetting: the same score, the other side
    monkeypatch.setattr(ForgettingCheck, "__call__", lambda self, model: next(answers))
    _, run = run_dlfd(check_every=2)
    assert [row["distancing"] for row in run.history] == [1, 1, 0, 0]
    assert run.note == "pushed 2 batches: forgetting score 0.300, AUC 0.350"


def test_the_recovery_share_of_the_pass_never_pushes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ForgettingCheck, "__call__", lambda self, model: (0.3, 0.65))
    _, run = run_dlfd(forgetting_threshold=0, recovery_share=0.5)
    assert [row["distancing"] for row in run.history] == [1, 1, 0, 0]
    assert run.note == "pushed 2 batches: the share of the pass that may push is over"


def test_pictures_are_pushed_from_forget_pictures_by_a_rising_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    weights: list[float] = []

    def push(model: Any, pixels: Any, labels: Any, forget_pixels: Any, knobs: Any, **more: float) -> Any:
        seen.append(forget_pixels)
        weights.append(more["classification_weight"])
        return pixels, 0.0

    monkeypatch.setattr(dlfd, "push", push)
    run_dlfd(dynamic=False, classification_weight_start=0.2, classification_weight_end=1.0)
    assert weights == pytest.approx([0.2, 0.4, 0.6, 0.8])
    own = make_faces(30, seed=1).pixels(torch.arange(30))
    apart = (torch.cat(seen)[:, None] - own[None]).abs().flatten(2).amax(2)
    assert (apart.amin(1) == 0).all()
    assert set(apart[:30].argmin(1).tolist()) == set(range(30)), "all of them in turn"


@pytest.mark.parametrize("matching", [0.0, 0.2])
@pytest.mark.parametrize("mix_clean", [True, False])
def test_accuracy_is_of_the_pictures_that_a_step_learns(
    monkeypatch: pytest.MonkeyPatch, mix_clean: bool, matching: float
) -> None:
    """A model that takes bright pictures for class 1, which all are, and pushed ones, made dark here, for class 0."""
    faces = replace(make_faces(32), labels=torch.ones(32, dtype=torch.long))
    model, run = make_model(), Run(seed=0)

    def predict(model: Any, pixels: torch.Tensor, precision: str) -> torch.Tensor:
        brightness = pixels.sum((1, 2, 3))
        return 0 * model(pixels) + torch.stack([-brightness, brightness, -2 * brightness.abs()], 1)

    monkeypatch.setattr(dlfd, "predict", predict)
    monkeypatch.setattr(dlfd, "push", lambda model, pixels, *others, **more: (-pixels - 1, 0.0))
    knobs = settings(dynamic=False, recovery_share=0.5, mix_clean=mix_clean, matching_weight=matching)
    dlfd.unlearn(model, knobs, run, retain=faces, forget=make_faces(30, seed=1), validation=make_faces(30, seed=2))
    by_phase = {row["distancing"]: row["accuracy"] for row in run.history}
    assert by_phase == {1.0: 0.5 if mix_clean else 0.0, 0.0: 1.0}


def test_the_first_pushed_pictures_are_kept_to_be_shown() -> None:
    _, run = run_dlfd(dynamic=False, epsilon=0.01)
    assert run.examples is not None
    before, after = run.examples
    assert before.shape == after.shape == (dlfd.SHOWN, *before.shape[1:])
    assert 0 < float((after - before).abs().max()) <= 0.01 + 1e-6
    assert run_dlfd(steps=0, dynamic=False, recovery_share=1.0)[1].examples is None


@pytest.mark.parametrize(("learned", "pushes"), [(True, True), (False, False)])
def test_three_pictures_of_one_person_are_checked_by_the_area(learned: bool, pushes: bool) -> None:
    """Where the attack has no accuracy: remembered pictures are pushed away from, others end the pushing at once."""
    model, run = make_model(), Run(seed=0)
    forget, validation = make_faces(3, seed=1), make_faces(200, seed=2)
    if learned:
        fit(model, forget, settings(epochs=30, batch_size=3, learning_rate=0.05, augment=False), seed=0)
    else:
        wrong = replace(forget, labels=(forget.labels + 1) % 3)
        fit(model, wrong, settings(epochs=30, batch_size=3, learning_rate=0.05, augment=False), seed=0)
    dlfd.unlearn(model, settings(check_every=1), run, retain=make_faces(64), forget=forget, validation=validation)
    first = run.history[0]
    assert first["distancing"] == pushes
    assert first["forgetting_score"] == pytest.approx(2 * abs(first["forget_auc"] - 0.5))
    assert (first["forget_auc"] > 0.5) == learned
