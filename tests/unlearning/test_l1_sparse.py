"""L1-sparse fine-tuning."""

from __future__ import annotations

import copy

import pytest
import torch
from memorised import QUICK, RETAIN

from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import Updater
from pipeline.unlearning import (
    l1_sparse,
)
from pipeline.unlearning.base import Run


def test_l1_shrinks_the_weights_more_than_fine_tuning(model: FaceClassifier) -> None:
    norms = []
    for weight in (0.0, 1e-3):
        copied = copy.deepcopy(model)
        knobs = l1_sparse.Settings(**QUICK, epochs=5, l1_weight=weight)
        l1_sparse.unlearn(copied, knobs, Run(seed=0), retain=RETAIN)
        norms.append(float(l1_sparse.l1_norm(copied).detach()))
    assert norms[1] < norms[0]


def test_the_l1_weight_falls_linearly_to_zero(model: FaceClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[float] = []
    monkeypatch.setattr(l1_sparse, "l1_norm", lambda model: torch.ones((), requires_grad=True))
    plain = Updater.step

    def step(self: Updater, loss: torch.Tensor) -> None:
        added.append(float(loss.detach()))
        plain(self, loss)

    monkeypatch.setattr(Updater, "step", step)
    run = Run(seed=0)
    l1_sparse.unlearn(model, l1_sparse.Settings(**QUICK, epochs=2, l1_weight=3.0), run, retain=RETAIN)
    weights = [total - row["loss"] for total, row in zip(added, run.history, strict=True)]
    assert weights == pytest.approx([3.0 * (1 - step / 6) for step in range(6)], abs=1e-4)
