"""DLFD's push of one batch: ours against a plain statement of the paper's inner loop.

The textbook version computes everything in every step, as the authors' code does: a forward pass of its own for each
term, the features of the forget batch again though nothing moved, gradients of all weights though nobody reads them.
Its OT term sees the perturbed pictures (in the authors' code it does not, so its gradient is none), so that both
versions compute the same thing.

    python -m benchmarks.dlfd_step --repeats 7
"""

from __future__ import annotations

import copy
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

GOAL = 4.0


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
    return pushed.detach(), float(cost)


def main(
    repeats: int = 7, batch_size: int = 64, image_size: int = 48, steps: int = 15, precision: str = "bf16"
) -> None:
    """Seconds a batch of both, their ratio, and how far their results are apart (in fp32)."""
    device = measure.device()
    torch.manual_seed(0)
    made = models.build("resnet18", 8, [0.5] * 3, [0.25] * 3)
    ours = models.to_device(copy.deepcopy(made), device).eval()
    plain = copy.deepcopy(made).to(device).eval()  # contiguous, as models are made
    pixels, forget = (torch.rand(batch_size, 3, image_size, image_size, device=device) for _ in range(2))
    labels = torch.randint(8, (batch_size,), device=device)
    last = [channel.contiguous(memory_format=torch.channels_last) for channel in (pixels, forget)]

    def push(
        kind: Literal["fp32", "bf16"], textbook_kind: Literal["fp32", "bf16"]
    ) -> dict[str, partial[tuple[Tensor, float]]]:
        mine, theirs = (Settings(steps=steps, precision=one) for one in (kind, textbook_kind))
        return {
            "ours": partial(distance, ours, last[0], labels, last[1], mine, classification_weight=0.02),
            "textbook": partial(textbook, plain, pixels, labels, forget, theirs, 0.02),
        }

    exact = {name: function() for name, function in push("fp32", "fp32").items()}
    (a, cost_a), (b, cost_b) = exact["ours"], exact["textbook"]
    rows = []
    for name, kinds in {
        "both fp32": ("fp32", "fp32"),
        "ours as shipped (bf16), textbook fp32": (precision, "fp32"),
    }.items():
        seconds = measure.interleaved(push(*kinds), repeats, device)  # type: ignore[arg-type]
        rows.append(
            {
                "precision": name,
                "ours, s": measure.summary(seconds["ours"]),
                "textbook, s": measure.summary(seconds["textbook"]),
                "times faster": measure.ratio(seconds["textbook"], seconds["ours"]),
            }
        )
    measure.report(
        "dlfd_step",
        device,
        rows,
        setting=f"ResNet18, batch {batch_size}, {image_size} px, {steps} steps, exact OT",
        goal=f"at least {GOAL:.0f} times faster",
        mean_pixel_difference=float((a - b).abs().mean()),
        pixels_that_differ=float(((a - b).abs() > 1e-6).float().mean()),
        ot_cost_relative_difference=abs(cost_a - cost_b) / abs(cost_b),
    )


if __name__ == "__main__":
    typer.run(main)
