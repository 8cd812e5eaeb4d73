"""Feature distancing (Choi & Na, AAAI 2025): a model held still pushes pictures away from others in feature space.

    x ← x + α·sign ∇ₓ [ w·OT(f(x), f(others)) − λ·l_CE(x, y) ]       `steps` times

OT is the optimal transport cost between feature batches (`pipeline.learning.transport`), f the pooled features. Only
the sign of the gradient counts, so w matters beside λ alone: at λ = 0 every w > 0 gives the same pictures. A pushed
picture stays within ε of what it was and in [0, 1], so that it remains a picture; ε = 1 bounds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pipeline.learning.models import FaceClassifier, frozen
from pipeline.learning.objectives import losses
from pipeline.learning.training import autocast
from pipeline.learning.transport import Cost, Solver, transport_cost
from pipeline.settings import NonNegative, NonNegativeInt, PassSettings, Positive, Unit


@dataclass(frozen=True, kw_only=True)
class DistancingSettings(PassSettings):
    """How far and by what pictures are pushed; part of the settings of a method that pushes them."""

    ot_weight: NonNegative = 1.0
    steps: NonNegativeInt = 5
    step_size: Positive = 0.005
    epsilon: Unit = 0.02
    direction: Literal["gradient", "random"] = "gradient"
    cost: Cost = "cosine"
    solver: Solver = "emd"
    regularisation: Positive = 0.05


def push(
    model: FaceClassifier,
    pixels: Tensor,
    labels: Tensor,
    others: Tensor,
    settings: DistancingSettings,
    *,
    classification_weight: float = 0.0,
) -> tuple[Tensor, float | None]:
    """Push pictures away from a batch of others in feature space, or by random signs of full size: a control.

    The model is in evaluation mode and its parameters frozen meanwhile: the gradient goes to the pixels only.

    Args:
        model: left as it was, parameters, buffers and mode.
        pixels, labels: batch [B, 3, H, W] in [0, 1] and [B].
        others: [M, 3, H, W] in [0, 1]. Their features are computed once: the model does not move here.
        classification_weight: λ, with which pictures keep what their labels say.

    Returns:
        The pushed pictures [B, 3, H, W], within `epsilon` of `pixels` and in [0, 1], and the OT cost before the last
        step; None where nobody asks for it (`ot_weight` or `steps` is 0, or the direction is random).
    """
    low, high = (pixels - settings.epsilon).clamp_min(0), (pixels + settings.epsilon).clamp_max(1)
    if settings.direction == "random":
        noise = (torch.rand_like(pixels) - 0.5).sign_() * (settings.steps * settings.step_size)
        return torch.minimum(torch.maximum(pixels + noise, low), high), None
    pushed, cost = pixels.clone(), None
    with frozen(model):
        with torch.no_grad(), autocast(pixels.device, settings.precision):
            other_features = model.features(others) if settings.ot_weight else None
        for _ in range(settings.steps):
            pushed.requires_grad_(True)
            objective, cost = _objective(model, pushed, labels, other_features, settings, classification_weight)
            if not objective.requires_grad:  # both weights are zero: nothing pushes
                return pixels.clone(), None
            (gradient,) = torch.autograd.grad(objective, pushed)
            pushed = pushed.detach().add_(gradient.sign(), alpha=settings.step_size)
            pushed = torch.minimum(torch.maximum(pushed, low), high)
    return pushed.detach(), None if cost is None else float(cost)


def _objective(
    model: FaceClassifier,
    pixels: Tensor,
    labels: Tensor,
    other_features: Tensor | None,
    settings: DistancingSettings,
    classification_weight: float,
) -> tuple[Tensor, Tensor | None]:
    """w·OT − λ·l_CE and the OT cost, None without one: one forward pass serves both terms."""
    with autocast(pixels.device, settings.precision):
        features = model.features(pixels)
        logits = model.head(features) if classification_weight else None
    objective, cost = torch.zeros((), device=pixels.device), None
    if other_features is not None:
        cost = transport_cost(
            features,
            other_features,
            cost=settings.cost,
            solver=settings.solver,
            regularisation=settings.regularisation,
        )
        objective = objective + settings.ot_weight * cost
    if logits is not None:
        objective = objective - classification_weight * losses(logits, labels).mean()
    return objective, None if cost is None else cost.detach()
