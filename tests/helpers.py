"""Tiny faces and models that the tests of several modules share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier

SIDE, CLASSES, WIDTH = 16, 3, 12


def make_faces(count: int, seed: int = 0, signal: float = 25) -> Faces:
    """Pictures whose label shows as one colour channel, brighter by `signal` of 255, under noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=count)
    images = rng.normal(100, 40, size=(count, SIDE, SIDE, 3))
    images[np.arange(count), :, :, labels] += signal
    return Faces(
        images=torch.from_numpy(images.clip(0, 255).astype(np.uint8)),
        rows=torch.arange(count),
        labels=torch.from_numpy(labels),
    )


def make_model(seed: int = 0) -> FaceClassifier:
    """A small convolutional classifier with batch normalisation, in evaluation mode."""
    torch.manual_seed(seed)
    backbone = nn.Sequential(
        nn.Conv2d(3, WIDTH, 3, stride=2),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
    )
    return FaceClassifier(backbone, nn.Linear(4 * WIDTH, CLASSES), [0.4] * 3, [0.2] * 3).eval()


def state(model: nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters and buffers."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def same_state(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def make_subsets(forget_pictures: int = 1) -> dict[str, Faces]:
    """Retain, forget and validation of one store; another `forget_pictures` gives other faces with the same labels."""
    parts = {
        "retain": make_faces(48, signal=1),  # hardly more than noise: what a model knows of a picture it has memorised
        "forget": make_faces(20, seed=1, signal=1),
        "validation": make_faces(20, seed=2, signal=1),
    }
    if forget_pictures != 1:
        noise = torch.from_numpy(np.random.default_rng(forget_pictures).integers(0, 256, (20, SIDE, SIDE, 3), np.uint8))
        parts["forget"] = replace(parts["forget"], images=noise)
    images = torch.cat([part.images for part in parts.values()])
    ends = np.cumsum([len(part) for part in parts.values()])
    return {
        name: Faces(images=images, rows=torch.arange(end - len(part), end), labels=part.labels)
        for (name, part), end in zip(parts.items(), ends, strict=True)
    }
