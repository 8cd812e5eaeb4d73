"""What the stage `unlearn` does: one method makes the original model forget."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from pipeline import layout
from pipeline.config import Params
from pipeline.data import subsets
from pipeline.jobs import model_folder
from pipeline.learning import models
from pipeline.settings import PassSettings
from pipeline.unlearning import base


def unlearn_model(name: str, settings: PassSettings, params: Params, splits: pd.DataFrame) -> base.Run:
    """Run a method on the original model and save what comes out, also where it diverged.

    Raises:
        DataError: a subset that the method needs has no pictures.
        ModelError: the original model is missing or damaged.
    """
    device = models.select_device(params.device)
    method = base.get(name)
    faces = subsets.load(layout.FACES, splits, device, task=params.task, only=method.subsets)
    original = models.load(layout.MODELS / "original", device)
    run = base.Run(seed=params.seed, title=f"unlearning with {name}")
    model = base.unlearn(method, original, faces, settings, run)
    outcome = {
        "status": run.status,
        "note": run.note,
        "warning": run.warning,
        "seconds": run.seconds,
        "forward_images": run.forward_images,
        "backward_images": run.backward_images,
        "device": model_folder.device_name(device),
        "settings": asdict(settings),
    }
    info = models.load_info(layout.MODELS / "original")
    built: dict[str, Any] = {key: info[key] for key in ("architecture", "head", "weights") if key in info}
    described = model_folder.describe(name, params, splits, info.get("trained_on", []))
    told = {**described, **built, **outcome}
    model_folder.save(model, layout.MODELS / name, told, run.history)
    return run
