"""Distillation (Hinton, Vinyals & Dean, 2015): a model follows the predictions of another, its teacher."""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import divergence, is_multi_label
from pipeline.learning.training import predict


def divergence_from(
    teacher: FaceClassifier,
    logits: Tensor,
    pixels: Tensor,
    labels: Tensor,
    *,
    precision: str,
    temperature: float = 1.0,
) -> Tensor:
    """KL_T(teacher ‖ model) of each picture, [B] in nats, times T²; one pass of the teacher, without gradient.

    Args:
        teacher: in evaluation mode.
        logits: of the model that learns [B, C], on the same pictures.
        pixels: [B, 3, H, W] in [0, 1].
        labels: of any number of pictures: whether they are classes or attributes is all that is read.
        temperature: T, which softens both predictions.
    """
    with torch.no_grad():
        wanted = predict(teacher, pixels, precision)
    return divergence(logits, wanted, multi_label=is_multi_label(labels), temperature=temperature)
