"""What a label says and what it costs to be wrong: one class of C, or A binary attributes at once.

Labels [B] hold a class each, labels [B, A] hold A attributes, 0 or 1; logits are [B, C] or [B, A]. What depends on
which of the two it is, of what learns, stands here (of what is measured in `pipeline.evaluation.samples`).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def is_multi_label(labels: Tensor) -> bool:
    """Whether labels hold several attributes at once."""
    return labels.ndim == 2


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Loss of each sample [B], in nats: cross-entropy, or binary cross-entropy summed over the attributes."""
    logits = logits.float()
    if is_multi_label(labels):
        return F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none").sum(1)
    return F.cross_entropy(logits, labels, reduction="none")


def correctness(logits: Tensor, labels: Tensor) -> Tensor:
    """Share of each sample that is right, [B] in [0, 1]: 0 or 1 for a class, a mean over attributes."""
    if is_multi_label(labels):
        return ((logits > 0) == (labels > 0)).float().mean(1)
    return (logits.argmax(1) == labels).float()


def guess_loss(width: int, labels: Tensor) -> float:
    """Loss of a uniform guess, in nats: ln C, or A·ln 2.

    Args:
        width: of the logits, C or A.
    """
    return width * math.log(2) if is_multi_label(labels) else math.log(width)


def divergence(logits: Tensor, reference: Tensor, *, multi_label: bool, temperature: float = 1.0) -> Tensor:
    """KL(reference ‖ logits) of each sample, [B] in nats, summed over attributes.

    Args:
        logits: of the model that learns.
        reference: of the model it is compared with; no gradient goes there.
        temperature: divides both; the result is multiplied by its square, as Hinton et al. (2015) do, so that
            gradients keep their size.
    """
    told = _log_probabilities(logits, temperature, multi_label)
    wanted = _log_probabilities(reference.detach(), temperature, multi_label)
    return (wanted.exp() * (wanted - told)).flatten(1).sum(1) * temperature**2


def wrong_labels(labels: Tensor, width: int, seed: int) -> Tensor:
    """Labels drawn uniformly among those that are not the true ones, each sample for itself.

    Args:
        labels: [B] or [B, A].
        width: number of classes C; attributes need none.
        seed: of the draw.
    """
    generator = torch.Generator().manual_seed(seed)
    if not is_multi_label(labels):
        shift = torch.randint(1, width, labels.shape, generator=generator).to(labels.device)
        return (labels + shift) % width
    bits = labels.shape[1]
    flips = torch.randint(1, 2**bits, (len(labels), 1), generator=generator)
    flipped = (flips >> torch.arange(bits)) & 1
    return labels ^ flipped.to(labels.device, labels.dtype)


def _log_probabilities(logits: Tensor, temperature: float, multi_label: bool) -> Tensor:
    """[B, C], or [B, A, 2] of each attribute's absence and presence."""
    scaled = logits.float() / temperature
    if multi_label:
        return torch.stack([F.logsigmoid(-scaled), F.logsigmoid(scaled)], dim=2)
    return F.log_softmax(scaled, dim=1)
