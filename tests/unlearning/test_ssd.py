"""SSD: weights dampened by their importance."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from memorised import FORGET, RETAIN

from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import losses
from pipeline.search.space import space
from pipeline.unlearning import (
    ssd,
)
from pipeline.unlearning.base import Run

SSD = ssd.Settings(batch_size=16, precision="fp32")


def test_ssd_dampens_where_forget_matters_more_and_nowhere_else(model: FaceClassifier) -> None:
    start = [parameter.detach().clone() for parameter in model.parameters()]
    draw = torch.Generator().manual_seed(0)
    every = [torch.rand(p.shape, generator=draw) for p in start]
    ours = [torch.rand(p.shape, generator=draw) * 4 for p in start]
    share = ssd.dampen(model, ours, every, ssd.Settings(selection_weight=2.0, dampening=1.5))
    for parameter, original, i_forget, i_all in zip(model.parameters(), start, ours, every, strict=True):
        selected = i_forget > 2.0 * i_all
        torch.testing.assert_close(parameter[~selected], original[~selected], rtol=0, atol=0)
        expected = original * (1.5 * i_all / i_forget).clamp_max(1)
        torch.testing.assert_close(parameter[selected], expected[selected])
    assert 0 < share < 1


def test_ssd_trains_nothing_and_has_no_knob_of_training() -> None:
    own = {"selection_weight", "dampening"}
    assert {field.name for field in fields(ssd.Settings)} == {"batch_size", "precision", *own}
    assert set(space(ssd.Settings())) == own


def test_importance_is_the_mean_squared_gradient(model: FaceClassifier) -> None:
    found = ssd.importance(model, FORGET, SSD, Run(seed=0), 2)
    model.eval()
    expected = [torch.zeros_like(parameter) for parameter in model.parameters()]
    for pixels, labels in FORGET.epoch(2, seed=0, epoch=0, augment=False):
        gradients = torch.autograd.grad(losses(model(pixels), labels).mean(), list(model.parameters()))
        for total, gradient in zip(expected, gradients, strict=True):
            total += gradient**2 / 10
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-9)  # they are small


@pytest.mark.parametrize(("pictures", "size"), [(1, 1), (7, 7), (8, 8), (9, 5), (10, 5), (17, 6)])
def test_both_sides_have_batches_of_forgets_equal_parts(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch, pictures: int, size: int
) -> None:
    """Nine by eight would be a batch of eight and a single picture, whose gradient nothing cancels."""
    sizes: list[int] = []
    monkeypatch.setattr(ssd, "importance", lambda model, faces, settings, run, size, part: sizes.append(size))
    monkeypatch.setattr(ssd, "dampen", lambda *args: 0.0)
    forget = RETAIN.take(torch.arange(pictures))
    ssd.unlearn(model, ssd.Settings(batch_size=8), Run(seed=0), retain=RETAIN, forget=forget)
    assert sizes == [size, size]


def total(importance: list[torch.Tensor]) -> float:
    return sum(float(one.sum()) for one in importance)


def test_a_lone_forgotten_picture_weighs_once_and_is_compared_with_single_pictures(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = FORGET.take(torch.arange(1))
    loss = losses(model.eval()(alone.pixels(torch.arange(1))), alone.labels).sum()
    expected = [gradient**2 for gradient in torch.autograd.grad(loss, list(model.parameters()))]
    compared: list[list[torch.Tensor]] = []
    monkeypatch.setattr(ssd, "dampen", lambda model, ours, every, settings: compared.extend([ours, every]) or 0.0)
    ssd.unlearn(model, SSD, Run(seed=0), retain=alone, forget=alone)  # all is the same picture twice
    assert [total(side) for side in compared] == pytest.approx([total(expected)] * 2, rel=1e-4)
    compared.clear()
    ssd.unlearn(model, SSD, Run(seed=0), retain=RETAIN, forget=alone)
    single = ssd.importance(model, RETAIN.joined(alone), SSD, Run(seed=0), 1)
    assert total(compared[1]) == pytest.approx(total(single), rel=1e-4)
