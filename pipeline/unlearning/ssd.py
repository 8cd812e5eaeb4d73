"""SSD: selective synaptic dampening, without any training.

    where I_forget > α · I_all:      θ ← β θ,      β = min( λ · I_all / I_forget, 1 )

Foster, Schoepf & Brintrup, "Fast Machine Unlearning Without Retraining Through Selective Synaptic Dampening", AAAI
2024, equations 5 to 7. I is the diagonal of the Fisher information, E[(∂ l / ∂ θ)²], over the forget set and over all
that was learned (retain and forget). As in the authors' code a squared gradient is that of a batch of `batch_size`;
1 gives the definition, at its price. Gradients of a larger batch cancel more, so both sides have batches of the same
size: that of forget's equal parts, as its last batch, were it smaller, would seem to matter more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import losses
from pipeline.learning.training import predict
from pipeline.settings import PassSettings, Positive
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(PassSettings):
    selection_weight: Positive = 10.0
    dampening: Positive = 1.0


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces, forget: Faces) -> None:
    parts = math.ceil(len(forget) / settings.batch_size)
    size = math.ceil(len(forget) / parts)
    forget_importance = importance(model, forget, settings, run, size, "1 of 2: forget")
    all_importance = importance(model, retain.joined(forget), settings, run, size, "2 of 2: all learned")
    share = dampen(model, forget_importance, all_importance, settings)
    run.log(step=0, dampened_share=share)


def importance(
    model: FaceClassifier, faces: Faces, settings: Settings, run: Run, size: int, part: str = ""
) -> list[Tensor]:
    """Mean squared gradient of the loss of `size` pictures, a tensor for each parameter; the model stays as it is."""
    model.eval()
    parameters = list(model.parameters())
    found = [torch.zeros_like(parameter) for parameter in parameters]
    order = torch.randperm(len(faces), generator=torch.Generator().manual_seed(run.seed))
    with run.progress(len(faces), part) as advance:
        for pixels, labels in faces.take(order).in_order(size):  # not `epoch`, which has a lone picture twice
            loss = losses(predict(model, pixels, settings.precision), labels).mean()
            run.check(loss)
            for total, gradient in zip(found, torch.autograd.grad(loss, parameters), strict=True):
                total += gradient.square() * (len(labels) / len(faces))
            advance(len(labels))
    return found


@torch.no_grad()
def dampen(
    model: FaceClassifier, forget_importance: list[Tensor], all_importance: list[Tensor], settings: Settings
) -> float:
    """Shrink, in place, the weights that matter more to the forget set; returns their share."""
    changed = 0
    for parameter, ours, every in zip(model.parameters(), forget_importance, all_importance, strict=True):
        selected = ours > settings.selection_weight * every
        factor = (settings.dampening * every / ours.clamp_min(torch.finfo(ours.dtype).tiny)).clamp_max(1)
        parameter.mul_(torch.where(selected, factor, torch.ones_like(factor)))
        changed += int(selected.sum())
    return changed / sum(parameter.numel() for parameter in model.parameters())
