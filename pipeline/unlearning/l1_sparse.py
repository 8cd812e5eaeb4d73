"""L1-sparse unlearning: fine-tuning on the retain set that also drives weights to zero.

    θ ← θ − η ∇ [ l(θ; retain) + γₜ ‖θ‖₁ ],      γₜ falls linearly from γ to 0

Jia, Liu, Ram, Yao, Liu, Liu, Sharma & Liu, "Model Sparsity Can Simplify Machine Unlearning", NeurIPS 2023, equation 3
with the decreasing schedule that the paper finds best: weights that serve the forget set alone shrink and are not
rebuilt.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import losses
from pipeline.learning.training import Updater, passes, predict
from pipeline.settings import Count, NonNegative, Positive, TrainSettings
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 2
    learning_rate: Positive = 0.1
    weight_decay: NonNegative = 0.0  # the L1 term takes its place
    l1_weight: NonNegative = 5e-5


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces) -> None:
    total = settings.epochs * retain.batches(settings.batch_size)
    updater = Updater(model.parameters(), settings, total)
    model.train()
    with run.progress(settings.epochs * len(retain)) as advance:
        for pixels, labels in passes(retain, settings, run.seed):
            loss = losses(predict(model, pixels, settings.precision), labels).mean()
            weight = settings.l1_weight * (1 - updater.steps / total)
            norm = l1_norm(model)
            run.log(step=updater.steps, loss=run.check(loss), l1_norm=float(norm.detach()))
            updater.step(loss + weight * norm)
            advance(len(labels))


def l1_norm(model: FaceClassifier) -> Tensor:
    """‖θ‖₁ over all parameters."""
    return torch.stack([parameter.abs().sum() for parameter in model.parameters()]).sum()
