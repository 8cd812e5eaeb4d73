"""DLFD's push of one batch: ours against the released code's inner loop, and what each of its wastes costs.

The yardstick computes everything in every step, as the authors' code does: a forward pass of its own for each term, so
the same pictures twice; the features of the forget batch again, though nothing moved; gradients of all weights, though
nobody reads them. Its OT term sees the perturbed pictures (in the authors' code it does not, so its gradient is none),
so that all versions compute the same thing. From row to row one waste goes.

    python -m benchmarks.dlfd_step
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import typer
from torch import Tensor

from benchmarks import inputs, measure
from pipeline.learning.distancing import DistancingSettings, push
from pipeline.learning.models import FaceClassifier, frozen, to_device
from pipeline.learning.objectives import losses
from pipeline.learning.transport import transport_cost

GOAL = 4.0
LAMBDA = 0.02
RELEASED, FP32, BF16 = "released loop", "and channels last: ours in fp32", "ours in bf16, as shipped"
COMPARED = 16  # pictures of the comparison in double precision, which is slow
Push = Callable[[], tuple[Tensor, float | None]]


def released(
    model: FaceClassifier,
    pixels: Tensor,
    labels: Tensor,
    forget: Tensor,
    settings: DistancingSettings,
    weight: float,
    *,
    one_forward: bool = False,
    forget_once: bool = False,
    pixels_alone: bool = False,
) -> tuple[Tensor, float | None]:
    """What `pipeline.learning.distancing.push` gives, by the released code's loop.

    Args:
        one_forward: the pushed pictures pass the model once a step for both terms.
        forget_once: the features of the forget batch are computed before the first step.
        pixels_alone: no gradient goes to the weights.
    """
    low, high = (pixels - settings.epsilon).clamp(min=0), (pixels + settings.epsilon).clamp(max=1)
    pushed, cost = pixels.clone(), torch.zeros(())
    model.eval()
    with torch.no_grad():
        known = model.features(forget) if forget_once else None
    with frozen(model) if pixels_alone else nullcontext():
        for _ in range(settings.steps):
            model.zero_grad()
            pushed = pushed.detach().requires_grad_(True)
            features, forget_features = model.features(pushed), model.features(forget) if known is None else known
            logits = model.head(features) if one_forward else model(pushed)
            cost = transport_cost(features, forget_features, cost=settings.cost, solver=settings.solver)
            objective = settings.ot_weight * cost - weight * losses(logits.float(), labels).mean()
            objective.backward()
            assert pushed.grad is not None
            moved = pushed.detach() + settings.step_size * pushed.grad.sign()
            pushed = torch.minimum(torch.maximum(moved, low), high)
    return pushed.detach(), float(cost.detach())


@dataclass(frozen=True)
class Batch:
    """The same batch and the same weights for all versions.

    Attributes:
        model: contiguous in memory, in evaluation mode.
    """

    model: FaceClassifier
    pixels: Tensor
    labels: Tensor
    forget: Tensor

    def versions(self, steps: int) -> dict[str, tuple[int, Push]]:
        """What a step costs, and the push itself, each in the memory format that it is used with.

        A forward pass of a batch costs 1, a backward pass 1 to the pixels and 1 to the weights; 0 is not predicted.
        """
        model, given = self.model, (self.pixels, self.labels, self.forget)
        bf16 = DistancingSettings(steps=steps, precision="bf16")
        fp32 = replace(bf16, precision="fp32")
        last = to_device(copy.deepcopy(model), self.pixels.device)
        pixels, forget = (one.contiguous(memory_format=torch.channels_last) for one in (self.pixels, self.forget))
        ours = partial(push, last, pixels, self.labels, forget, classification_weight=LAMBDA)
        plain = partial(released, model, *given, fp32, LAMBDA)
        return {
            RELEASED: (9, plain),
            "one forward pass for both terms": (6, partial(plain, one_forward=True)),
            "and forget features once": (3, partial(plain, one_forward=True, forget_once=True)),
            "and gradient to pixels alone": (
                2,
                partial(plain, one_forward=True, forget_once=True, pixels_alone=True),
            ),
            FP32: (2, partial(ours, settings=fp32)),
            BF16: (0, partial(ours, settings=bf16)),
        }

    def apart(self, steps: int, dtype: torch.dtype, ours: str = FP32) -> dict[str, Any]:
        """How far ours is from the released loop. A step has a sign only, so what differs by rounding at first grows
        with every step; in double precision nothing is near enough to zero to differ.

        Args:
            dtype: of the released loop, and of ours but for BF16.
            ours: FP32 or BF16.
        """
        few = Batch(
            copy.deepcopy(self.model).to(dtype),
            self.pixels[:COMPARED].to(dtype),
            self.labels[:COMPARED],
            self.forget[:COMPARED].to(dtype),
        ).versions(steps)
        (a, cost_a), (b, cost_b) = (few[name][1]() for name in (ours, RELEASED))
        assert cost_a is not None
        assert cost_b is not None
        return {
            "precision": "bfloat16 beside float32" if ours == BF16 else str(dtype).removeprefix("torch."),
            "steps": steps,
            "share of pixels that differ": float(((a - b).abs() > 1e-6).double().mean()),
            "relative difference of OT cost": abs(cost_a - cost_b) / abs(cost_b),
        }


def batch_of(pictures: int, image_size: int, device: torch.device) -> Batch:
    """Noise, and a model as it is before training."""
    model = inputs.classifier(device).to(memory_format=torch.contiguous_format).eval()
    pixels, forget = (torch.rand(pictures, 3, image_size, image_size, device=device) for _ in range(2))
    return Batch(model, pixels, torch.randint(inputs.CLASSES, (pictures,), device=device), forget)


def main(
    repeats: measure.Count = 5,
    batch_size: measure.Count = 64,
    image_size: int = typer.Option(48, min=16),
    steps: measure.Count = 15,
) -> None:
    """Seconds a batch of every version, how many times faster than the released loop, and how far ours is apart."""
    device, transport = measure.device(), inputs.exact_transport()
    batch = batch_of(batch_size, image_size, device)
    versions = batch.versions(steps)
    seconds = measure.interleaved({name: push for name, (_, push) in versions.items()}, repeats, device)
    units = {name: passes for name, (passes, _) in versions.items()}
    rows = [
        {
            "version": name,
            "predicted": units[RELEASED] / units[name] if units[name] else "",
            "times faster": measure.ratio(seconds[RELEASED], taken),
            "s": measure.summary(taken),
        }
        for name, taken in seconds.items()
    ]
    compared = ((torch.float64, FP32), (torch.float32, FP32), (torch.float32, BF16))
    apart = [batch.apart(count, *of) for of in compared for count in (1, steps)]
    measure.report(
        "dlfd_step",
        device,
        rows,
        repeats=repeats,
        setting=f"ResNet18, batch {batch_size}, {image_size} px, {steps} steps; exact transport plans: {transport}",
        goal=f"ours in fp32 at least {GOAL:.0f} times faster",
        apart=apart,
    )


if __name__ == "__main__":
    measure.program(main)
