"""Small runs of DLFD, and a model that knows its forget pictures by heart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from helpers import make_faces, make_model

from pipeline.learning.training import fit
from pipeline.unlearning import dlfd
from pipeline.unlearning.base import Run

PIXELS, LABELS = next(make_faces(12).in_order(12))


def settings(**knobs: Any) -> dlfd.Settings:
    defaults: dict[str, Any] = {
        "precision": "fp32",
        "batch_size": 16,
        "epsilon": 0.1,
        "step_size": 0.02,
        "recovery_share": 0,
        "epochs": 1,
        "matching_weight": 0,
        "distillation_weight": 0,
    }
    return dlfd.Settings(**{**defaults, **knobs})


def run_dlfd(**knobs: Any) -> tuple[Any, Run]:
    model, run = make_model(), Run(seed=0)
    subsets = {"retain": make_faces(64), "forget": make_faces(30, seed=1), "validation": make_faces(30, seed=2)}
    dlfd.unlearn(model, settings(**knobs), run, **subsets)
    return model, run


def memorised() -> tuple[Any, Any, Any]:
    """A model that knows its forget pictures by heart, these, and others that it never saw; labels are by chance."""
    draw = torch.Generator().manual_seed(0)
    forget, unseen = (
        replace(make_faces(count, seed=seed), labels=torch.randint(3, (count,), generator=draw))
        for count, seed in ((30, 1), (60, 2))
    )
    model = make_model()
    fit(model, forget, settings(epochs=30, learning_rate=0.05, augment=False), seed=0)
    return model, forget, unseen


def wanted(model: Any, batch: torch.Tensor, unseen: Any) -> torch.Tensor:
    """Losses [n] that forget is to be lifted to, beside this retain batch."""
    return dlfd.unseen_losses(model, batch, unseen, "fp32")
