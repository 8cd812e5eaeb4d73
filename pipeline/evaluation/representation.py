"""What features look like: the eigenspace of a subset and how far another one lies in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Eigenspace:
    """Leading directions of features.

    Attributes:
        mean: [D], where they are centred.
        directions: [D, K], orthonormal.
    """

    mean: Tensor
    directions: Tensor

    def alignment(self, features: Tensor) -> Tensor:
        """Dimensional alignment, a differentiable scalar in [0, 1]: ‖Z U‖² / ‖Z‖² of features Z [B, D] about the mean.

        After Seo et al., WACV 2025; the formula is ours (theirs was not within our reach).
        """
        centred = features - self.mean
        return (centred @ self.directions).square().sum() / centred.square().sum().clamp_min(1e-12)


def eigenspace(features: Tensor, energy: float) -> Eigenspace:
    """The fewest leading eigenvectors of the second moment about the mean that hold a share of it.

    Args:
        features: [M, D].
        energy: share of the total, in (0, 1).
    """
    mean = features.mean(0)
    centred = (features - mean).double()
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
    held = values.cumsum(0) / values.sum().clamp_min(1e-300)
    count = int((held < energy).sum()) + 1
    return Eigenspace(mean, vectors[:, :count].to(features.dtype))
