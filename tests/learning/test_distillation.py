from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from helpers import make_faces, make_model, same_state, state

from pipeline.learning.distillation import divergence_from

PIXELS, LABELS = next(make_faces(12).in_order(12))


def test_nothing_is_apart_from_itself() -> None:
    teacher = make_model()
    with torch.no_grad():
        away = divergence_from(teacher, teacher(PIXELS), PIXELS, LABELS, precision="fp32", temperature=2.0)
    torch.testing.assert_close(away, torch.zeros(12), atol=1e-6, rtol=0)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_it_is_the_teachers_divergence_from_the_model_times_the_squared_temperature(temperature: float) -> None:
    teacher, model = make_model(seed=1), make_model()
    logits = model(PIXELS)
    away = divergence_from(teacher, logits, PIXELS, LABELS, precision="fp32", temperature=temperature)
    told, said = (F.softmax(one / temperature, dim=1) for one in (teacher(PIXELS), logits))
    torch.testing.assert_close(away, temperature**2 * (told * (told / said).log()).sum(1))


def test_only_the_model_learns_and_the_teacher_stays_as_it_was() -> None:
    teacher, model = make_model(seed=1), make_model()
    before = state(copy.deepcopy(teacher))
    divergence_from(teacher, model(PIXELS), PIXELS, LABELS, precision="fp32").mean().backward()
    assert same_state(before, state(teacher))
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert any(parameter.grad.abs().max() > 0 for parameter in model.parameters() if parameter.grad is not None)


def test_attributes_are_followed_each_for_itself() -> None:
    teacher, model = make_model(seed=1), make_model()
    logits = model(PIXELS)
    away = divergence_from(teacher, logits, PIXELS, torch.zeros(12, 3, dtype=torch.long), precision="fp32")
    told, said = torch.sigmoid(teacher(PIXELS)), torch.sigmoid(logits)
    each = told * (told / said).log() + (1 - told) * ((1 - told) / (1 - said)).log()
    torch.testing.assert_close(away, each.sum(1))
