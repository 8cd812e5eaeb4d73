"""Pictures and models to measure with, which need no data: noise costs what faces cost.

The colour of a picture tells its class, so that a model learns it from few pictures (`teach`). With wrong labels on
validation (`mistaken`) its losses are then surely greater than those of forget, and no check of dynamic forgetting ends
the pushing, at its full cost.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import torch

from pipeline.data.batches import Faces
from pipeline.learning import models
from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import fit
from pipeline.settings import TrainSettings

CLASSES = 8
TAUGHT = 192  # pictures
AT_REST = 1e-9  # a learning rate at which every step is computed and the model stays as it is


def noise_faces(counts: dict[str, int], size: int, device: torch.device, seed: int = 0) -> dict[str, Faces]:
    """Subsets of one store of coloured noise."""
    generator = torch.Generator().manual_seed(seed)
    total = sum(counts.values())
    images = torch.randint(256, (total, size, size, 3), dtype=torch.uint8, generator=generator)
    labels = torch.randint(CLASSES, (total,), generator=generator)
    return subsets(coloured(images, labels).to(device), labels, counts)


def coloured(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Pictures uint8 [N, H, W, 3] with a colour channel at half its brightness for each bit of the label [N]."""
    dim = (labels[:, None] >> torch.arange(3)) & 1
    return images >> dim[:, None, None, :].to(torch.uint8)


def subsets(images: torch.Tensor, labels: torch.Tensor, counts: dict[str, int]) -> dict[str, Faces]:
    """Subsets of so many pictures, one after another, of a store with these labels."""
    found, start = {}, 0
    for name, count in counts.items():
        rows = torch.arange(start, start + count)
        found[name] = Faces(images=images, rows=rows, labels=labels[rows].to(images.device))
        start += count
    return found


def mistaken(faces: Faces) -> Faces:
    """The same pictures, every label another."""
    return replace(faces, labels=(faces.labels + 1) % CLASSES)


def teach(model: FaceClassifier, faces: Faces) -> None:
    """Have a model know the colours, of pictures it has not seen as well."""
    few = TrainSettings(epochs=2, batch_size=16, learning_rate=0.01)
    fit(model, faces.sample(TAUGHT, seed=0), few, seed=0, title="learning what is to be forgotten")


def classifier(device: torch.device, architecture: str = "resnet18", seed: int = 0) -> FaceClassifier:
    """A freshly initialised one, where and as the pipeline keeps it."""
    torch.manual_seed(seed)
    return models.to_device(models.build(architecture, CLASSES, [0.5] * 3, [0.25] * 3), device)


def exact_transport() -> str:
    """Have exact transport plans where POT is not installed, as on a bare GPU machine; who finds them, in words."""
    if importlib.util.find_spec("ot"):
        return "POT"
    stand_in = ModuleType("ot")
    stand_in.unif, stand_in.emd = lambda n: np.full(n, 1 / n), assignment  # type: ignore[attr-defined]
    sys.modules["ot"] = stand_in
    return "SciPy's assignments, as POT is not installed"


def assignment(a: np.ndarray, b: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """An optimal transport plan [n, m] between uniform weights, as `ot.emd` gives one.

    Between as many samples on either side one of the optimal plans is an assignment (Peyré & Cuturi, Computational
    Optimal Transport, 2019, proposition 2.1), so each sample is taken as often as makes both sides equal.
    """
    from scipy.optimize import linear_sum_assignment

    n, m = costs.shape
    both = math.lcm(n, m)
    rows, columns = linear_sum_assignment(costs.repeat(both // n, axis=0).repeat(both // m, axis=1))
    plan = np.zeros((n, m))
    np.add.at(plan, (rows // (both // n), columns // (both // m)), 1 / both)
    return plan
