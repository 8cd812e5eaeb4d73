"""Bad teaching: a student of two teachers."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from memorised import FORGET, QUICK, RETAIN
from torch import Tensor

from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import divergence
from pipeline.learning.training import logits_of
from pipeline.unlearning import (
    bad_teacher,
)
from pipeline.unlearning.base import Run


def test_the_student_comes_near_the_right_teacher_on_each_side(model: FaceClassifier) -> None:
    original = copy.deepcopy(model)
    run = Run(seed=0)
    torch.manual_seed(0)
    knobs = bad_teacher.Settings(**QUICK, epochs=40, learning_rate=0.1, retain_share=1.0)
    bad_teacher.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)

    def apart(faces: Any) -> float:
        return float(divergence(logits_of(model, faces), logits_of(original, faces), multi_label=False).mean())

    assert apart(RETAIN) < 0.1
    assert apart(FORGET) > 0.3
    forget_rows = [row["forget_divergence"] for row in run.history if "forget_divergence" in row]
    assert forget_rows[-1] < 0.2 * forget_rows[0], "near the incompetent teacher"


def test_bad_teacher_uses_a_share_of_retain_and_all_of_forget(model: FaceClassifier) -> None:
    run, knobs = Run(seed=0), bad_teacher.Settings(**QUICK, epochs=1, retain_share=0.25)
    stop = run.watch(model)
    bad_teacher.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)
    stop()
    assert run.backward_images == round(0.25 * len(RETAIN)) + len(FORGET)
    assert run.forward_images == 3 * run.backward_images, "both teachers and the student"


def test_bad_teachers_temperature_softens_teacher_and_student(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each divergence that is learned is KL_T(teacher ‖ student) times T², of logits that it is given."""
    real, seen = bad_teacher.divergence, []

    def spied(logits: Tensor, wanted: Tensor, *, multi_label: bool, temperature: float = 1.0) -> Tensor:
        found = real(logits, wanted, multi_label=multi_label, temperature=temperature)
        told, said = (F.log_softmax(one / temperature, dim=1) for one in (wanted, logits))
        seen.append((temperature, found, temperature**2 * (told.exp() * (told - said)).sum(1)))
        return found

    monkeypatch.setattr(bad_teacher, "divergence", spied)
    rows = []
    for temperature in (1.0, 5.0):
        run, copied = Run(seed=0), copy.deepcopy(model)
        torch.manual_seed(0)
        knobs = bad_teacher.Settings(**QUICK, learning_rate=1e-9, temperature=temperature)
        bad_teacher.unlearn(copied, knobs, run, retain=RETAIN, forget=FORGET)
        rows.append([row.get("forget_divergence", 0) for row in run.history])
    assert rows[0] != pytest.approx(rows[1], rel=0.05)
    assert {temperature for temperature, *_ in seen} == {1.0, 5.0}
    for _, found, by_hand in seen:
        torch.testing.assert_close(found, by_hand, rtol=1e-4, atol=1e-6)
