"""Pictures and models to measure with: noise is as fast to learn as faces, and needs no data."""

from __future__ import annotations

import torch

from pipeline import models
from pipeline.data.batches import Faces
from pipeline.models import FaceClassifier

CLASSES = 8


def noise_faces(counts: dict[str, int], size: int, device: torch.device, seed: int = 0) -> dict[str, Faces]:
    """Subsets of one store, with random labels."""
    generator = torch.Generator().manual_seed(seed)
    total = sum(counts.values())
    images = torch.randint(256, (total, size, size, 3), dtype=torch.uint8, generator=generator).to(device)
    return subsets(images, torch.randint(CLASSES, (total,), generator=generator), counts)


def subsets(images: torch.Tensor, labels: torch.Tensor, counts: dict[str, int]) -> dict[str, Faces]:
    """Subsets of so many pictures, one after another, of a store with these labels."""
    found, start = {}, 0
    for name, count in counts.items():
        rows = torch.arange(start, start + count)
        found[name] = Faces(images=images, rows=rows, labels=labels[rows].to(images.device))
        start += count
    return found


def classifier(device: torch.device, architecture: str = "resnet18") -> FaceClassifier:
    """A freshly initialised one, where and as the pipeline keeps it."""
    torch.manual_seed(0)
    return models.to_device(models.build(architecture, CLASSES, [0.5] * 3, [0.25] * 3), device)
