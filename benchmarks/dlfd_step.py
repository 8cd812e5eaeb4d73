"""DLFD's push of one batch: ours against a plain statement of the paper's inner loop.

The textbook version computes everything in every step, as the authors' code does: a forward pass of its own for each
term, the features of the forget batch again though nothing moved, gradients of all weights though nobody reads them.
Its OT term sees the perturbed pictures (in the authors' code it does not, so its gradient is none), so that both
versions compute the same thing.

    python -m benchmarks.dlfd_step --repeats 7
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
import typer
from torch import Tensor

from benchmarks import measure
from pipeline import models
from pipeline.models import FaceClassifier
from pipeline.objectives import losses
from pipeline.training import autocast
from pipeline.transport import transport_cost
from pipeline.unlearning.dlfd import Settings, distance

Precision = Literal["fp32", "bf16"]
GOAL = 4.0
LAMBDA = 0.02


def textbook(
    model: FaceClassifier, pixels: Tensor, labels: Tensor, forget: Tensor, settings: Settings, weight: float
) -> tuple[Tensor, float]:
    """`pipeline.unlearning.dlfd.distance`, said plainly; every backward pass fills the gradients of all weights too."""
    low, high = (pixels - settings.epsilon).clamp(min=0), (pixels + settings.epsilon).clamp(max=1)
    pushed, cost = pixels.clone(), torch.zeros(())
    model.eval()
    for _ in range(settings.steps):
        model.zero_grad()
        pushed = pushed.detach().requires_grad_(True)
        with autocast(pixels.device, settings.precision):
            features, forget_features = model.features(pushed), model.features(forget)
            logits = model(pushed)
        cost = transport_cost(features, forget_features, cost=settings.cost, solver=settings.solver)
        objective = settings.ot_weight * cost - weight * losses(logits.float(), labels).mean()
        objective.backward()
        assert pushed.grad is not None
        moved = pushed.detach() + settings.step_size * pushed.grad.sign()
        pushed = torch.minimum(torch.maximum(moved, low), high)
    return pushed.detach(), float(cost.detach())


@dataclass(frozen=True)
class Batch:
    """Both versions on the same batch and the same model, each in the memory format it is used with."""

    ours: FaceClassifier
    plain: FaceClassifier
    pixels: Tensor
    labels: Tensor
    forget: Tensor

    def push(self, steps: int, precision: Precision) -> dict[str, Callable[[], tuple[Tensor, float]]]:
        """Ours in the given precision, the textbook's in fp32."""
        mine, theirs = (Settings(steps=steps, precision=one) for one in (precision, "fp32"))
        last = [one.contiguous(memory_format=torch.channels_last) for one in (self.pixels, self.forget)]
        return {
            "ours": partial(distance, self.ours, last[0], self.labels, last[1], mine, classification_weight=LAMBDA),
            "textbook": partial(textbook, self.plain, self.pixels, self.labels, self.forget, theirs, LAMBDA),
        }

    def apart(self, steps: int) -> dict[str, float]:
        """How far the results are from each other in fp32. A step has a sign only, so what differs by rounding at
        first grows with every step."""
        (a, cost_a), (b, cost_b) = (function() for function in self.push(steps, "fp32").values())
        return {
            "share of pixels that differ": float(((a - b).abs() > 1e-6).float().mean()),
            "relative difference of OT cost": abs(cost_a - cost_b) / abs(cost_b),
        }


def main(repeats: int = 7, batch_size: int = 64, image_size: int = 48, steps: int = 15) -> None:
    """Seconds a batch of both, their ratio, and how far their results are apart."""
    device = measure.device()
    torch.manual_seed(0)
    made = models.build("resnet18", 8, [0.5] * 3, [0.25] * 3)
    pixels, forget = (torch.rand(batch_size, 3, image_size, image_size, device=device) for _ in range(2))
    labels = torch.randint(8, (batch_size,), device=device)
    ours = models.to_device(copy.deepcopy(made), device).eval()
    batch = Batch(ours, made.to(device).eval(), pixels, labels, forget)
    rows = []
    precisions: dict[str, Precision] = {"both fp32": "fp32", "ours bf16 as shipped, textbook fp32": "bf16"}
    for name, precision in precisions.items():
        seconds = measure.interleaved(batch.push(steps, precision), repeats, device)
        row = {f"{version}, s": measure.summary(taken) for version, taken in seconds.items()}
        rows.append({"precision": name, **row, "times faster": measure.ratio(seconds["textbook"], seconds["ours"])})
    measure.report(
        "dlfd_step",
        device,
        rows,
        setting=f"ResNet18, batch {batch_size}, {image_size} px, {steps} steps, exact OT",
        goal=f"at least {GOAL:.0f} times faster",
        after_one_step=batch.apart(1),
        after_all_steps=batch.apart(steps),
    )


if __name__ == "__main__":
    typer.run(main)
