"""SalUn: random labels, but only the weights that matter to the forget set may move.

    m = 1[ |∇ l(θₒ; forget)| ≥ γ ],      θ = m ⊙ (Δθ + θₒ) + (1 − m) ⊙ θₒ

Fan, Liu, Zhang, Wong, Wei & Liu, "SalUn: Empowering Machine Unlearning via Gradient-based Weight Saliency", ICLR 2024,
equations 3 to 5. γ is the quantile of the gradient's magnitude that leaves `saliency_share` of all weights free
(half in the paper). The mask is on parameters; BatchNorm statistics follow the data. Forget, with random labels,
and retain are shuffled into one set, so each counts by its size: the paper's weight α of the retain term is
|retain| / |forget|.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import losses, wrong_labels
from pipeline.learning.training import Updater, passes, predict
from pipeline.settings import Count, Positive, TrainSettings, Unit
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 1
    learning_rate: Positive = 0.13
    saliency_share: Unit = 0.34


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces, forget: Faces) -> None:
    masks = saliency_masks(model, forget, settings)
    start = [parameter.detach().clone() for parameter in model.parameters()]
    wrong = replace(forget, labels=wrong_labels(forget.labels, model.classes, run.seed))
    mixed = wrong.joined(retain)
    updater = Updater(model.parameters(), settings, settings.epochs * mixed.batches(settings.batch_size))
    model.train()
    with run.progress(settings.epochs * len(mixed)) as advance:
        for pixels, labels in passes(mixed, settings, run.seed):
            loss = losses(predict(model, pixels, settings.precision), labels).mean()
            run.log(step=updater.steps, loss=run.check(loss))
            updater.step(loss)
            _put_back(model, start, masks)
            advance(len(labels))


def saliency_masks(model: FaceClassifier, forget: Faces, settings: Settings) -> list[Tensor]:
    """Which weights may move, a bool tensor for each parameter; the model stays as it is."""
    model.eval()
    model.zero_grad(set_to_none=True)
    for pixels, labels in forget.in_order(settings.batch_size):
        (losses(predict(model, pixels, settings.precision), labels).sum() / len(forget)).backward()
    magnitudes = [parameter.grad.abs() for parameter in model.parameters() if parameter.grad is not None]
    model.zero_grad(set_to_none=True)
    every = torch.cat([magnitude.flatten() for magnitude in magnitudes])
    free = round(settings.saliency_share * len(every))
    if free == 0:
        return [torch.zeros_like(magnitude, dtype=torch.bool) for magnitude in magnitudes]
    threshold = every.topk(free).values[-1]
    return [magnitude >= threshold for magnitude in magnitudes]


@torch.no_grad()
def _put_back(model: FaceClassifier, start: list[Tensor], masks: list[Tensor]) -> None:
    """Weights outside the mask as they were: momentum and weight decay would move them too."""
    for parameter, original, mask in zip(model.parameters(), start, masks, strict=True):
        parameter.copy_(torch.where(mask, parameter, original))
