"""MUDA: dimensional alignment."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import make_model
from memorised import FORGET, QUICK, RETAIN

from pipeline.evaluation.representation import eigenspace
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import divergence, losses
from pipeline.unlearning import (
    muda,
)
from pipeline.unlearning.base import Run


def test_muda_keeps_near_the_softened_original_on_forget_and_the_original_on_retain(model: FaceClassifier) -> None:
    original = make_model(5).eval()
    knobs = muda.Settings(**QUICK, alignment_weight=0.0, distillation_weight=0.7, temperature=3.0)
    model.eval()
    batch, labels = FORGET.pixels(torch.arange(8)), FORGET.labels[:8]
    space = eigenspace(original.features(batch).detach(), 0.9)
    found, _ = muda.forget_loss(model, original, batch, space, knobs, False)
    torch.testing.assert_close(found, divergence(model(batch), original(batch) / 3, multi_label=False).mean())
    found = muda.recover_loss(model, original, batch, labels, knobs)
    near = divergence(model(batch), original(batch), multi_label=False).mean()
    torch.testing.assert_close(found, losses(model(batch), labels).mean() + 0.7 * near)


def test_the_eigenspace_is_that_of_retain_pictures(model: FaceClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[Any] = []
    plain = muda.outputs_of
    monkeypatch.setattr(muda, "outputs_of", lambda model, faces: looked_at.append(faces) or plain(model, faces))
    knobs = muda.Settings(**QUICK, epochs=1, eigenspace_images=30)
    muda.unlearn(model, knobs, Run(seed=0), retain=RETAIN, forget=FORGET)
    (faces,) = looked_at
    assert len(faces) == 30
    assert set(faces.rows.tolist()) <= set(RETAIN.rows.tolist())


def test_muda_aligns_forget_features_with_the_retain_eigenspace(model: FaceClassifier) -> None:
    run = Run(seed=0)
    knobs = muda.Settings(**QUICK, epochs=10, alignment_weight=5.0, energy=0.6)
    muda.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)
    aligned = [row["alignment"] for row in run.history if "alignment" in row]
    assert sum(aligned[-5:]) > 1.02 * sum(aligned[:5])
