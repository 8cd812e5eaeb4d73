"""NegGrad+: descent on retain and ascent on forget, weighted, in one step.

    θ ← θ − η ∇ [ β · l(θ; retain) − (1 − β) · l(θ; forget) ]

Kurmanji, Triantafillou, Hayes & Triantafillou, "Towards Unbounded Machine Unlearning", NeurIPS 2023, section 4. The
retain term holds the model together, so β close to 1 is usual. As in NegGrad the ascent has no bound; here, with
`stop_at_chance` (ours), a forget batch that is already at the loss of a uniform guess pushes no further. Both batches
pass the network together, so BatchNorm sees one mixture of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import guess_loss, losses
from pipeline.learning.training import Updater, passes, predict
from pipeline.settings import Count, Flag, Positive, TrainSettings, Unit
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 1
    learning_rate: Positive = 0.05
    retain_weight: Unit = 0.95
    stop_at_chance: Flag = True


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces, forget: Faces) -> None:
    updater = Updater(model.parameters(), settings, settings.epochs * retain.batches(settings.batch_size))
    forget_batches = forget.endless(settings.batch_size, seed=run.seed, augment=settings.augment)
    model.train()
    with run.progress(settings.epochs * len(retain)) as advance:
        for pixels, labels in passes(retain, settings, run.seed):
            forget_pixels, forget_labels = next(forget_batches)
            logits = predict(model, torch.cat([pixels, forget_pixels]), settings.precision)
            retain_loss = losses(logits[: len(labels)], labels).mean()
            forget_loss = losses(logits[len(labels) :], forget_labels).mean()
            run.log(step=updater.steps, loss=run.check(retain_loss), forget_loss=run.check(forget_loss))
            ascends = not settings.stop_at_chance or float(forget_loss.detach()) < guess_loss(model.classes, labels)
            updater.step(settings.retain_weight * retain_loss - ascends * (1 - settings.retain_weight) * forget_loss)
            advance(len(labels))
