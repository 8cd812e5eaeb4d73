"""SalUn: random labels, by the salient weights alone."""

from __future__ import annotations

import pytest
import torch
from memorised import FORGET, QUICK, RETAIN

from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import losses
from pipeline.unlearning import (
    salun,
)
from pipeline.unlearning.base import Run


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_salun_moves_masked_weights_only(model: FaceClassifier, share: float) -> None:
    start = [parameter.detach().clone() for parameter in model.parameters()]
    knobs = salun.Settings(**QUICK, epochs=3, learning_rate=0.1, saliency_share=share)
    masks = salun.saliency_masks(model, FORGET, knobs)
    total = sum(mask.numel() for mask in masks)
    assert sum(int(mask.sum()) for mask in masks) == pytest.approx(share * total, abs=1)
    salun.unlearn(model, knobs, Run(seed=0), retain=RETAIN, forget=FORGET)
    for parameter, original, mask in zip(model.parameters(), start, masks, strict=True):
        assert torch.equal(parameter[~mask], original[~mask])
    moved = sum(int((p != o).sum()) for p, o in zip(model.parameters(), start, strict=True))
    assert moved >= 0.9 * share * total


def test_salient_weights_have_the_greater_gradients(model: FaceClassifier) -> None:
    masks = salun.saliency_masks(model, FORGET, salun.Settings(**QUICK, saliency_share=0.3))
    losses(model(FORGET.pixels(torch.arange(len(FORGET)))), FORGET.labels).mean().backward()
    gradients = [parameter.grad.abs() for parameter in model.parameters() if parameter.grad is not None]
    inside = torch.cat([g[m] for g, m in zip(gradients, masks, strict=True)])
    outside = torch.cat([g[~m] for g, m in zip(gradients, masks, strict=True)])
    assert inside.min() >= outside.max() - 1e-6
