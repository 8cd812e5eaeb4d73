"""A checkout with tiny models whose `pipeline.models.load` needs no ResNet, for tests of registry and serving."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline import layout

SIZE, CLASSES = 16, ["young", "middle", "old"]


class Tiny(nn.Module):
    """Logits of the mean colour, scaled like a face classifier's input."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.convolution, self.head = nn.Conv2d(3, 4, 3, stride=2), nn.Linear(4, len(CLASSES))
        self.normalisation = nn.BatchNorm2d(4)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features = self.normalisation(self.convolution((pixels - 0.5) / 0.25)).relu().mean((2, 3))
        return self.head(features)


def load(folder: Path, device: str = "cpu") -> nn.Module:
    """In place of `pipeline.models.load`."""
    return Tiny(int((folder / "model.safetensors").read_text())).eval()


def make(root: Path) -> None:
    """Data, split and params.yaml in the working folder's layout."""
    (root / ".dvc").mkdir()
    (root / "params.yaml").write_text("unlearn: {methods: [dlfd, neggrad]}\nregister: {model_name: faces}\n")
    layout.SPLITS.mkdir(parents=True)
    (layout.SPLITS / "splits.json").write_text(json.dumps({"protocol": "person", "counts": {"retain": 6, "forget": 4}}))
    for path in (layout.FACES / "dataset.json", layout.FACES / "table.parquet", layout.SPLITS / "splits.parquet"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path.name)


def write_model(name: str, seed: int) -> Path:
    """A model folder in the working folder; `seed` stands for its weights."""
    folder = layout.MODELS / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_text(str(seed))
    info = {"architecture": "tiny", "task": "age", "classes": CLASSES, "image_size": SIZE, "persons_forgotten": 4}
    info |= {"name": name, "dataset": "synthetic", "seed": 0, "weights": ""}
    (folder / "model.json").write_text(json.dumps(info))
    return folder


def metrics(nomus: float = 0.7, **other: Any) -> dict[str, Any]:
    """As metrics/<name>.json."""
    figures = {"validation_accuracy": 0.8, "validation_forgetting_score": 0.1, "validation_nomus": nomus}
    figures |= {"validation_persons": 40, "validation_persons_detected": 2, "validation_persons_over_forgotten": 0}
    figures |= {"validation_person_nomus": nomus}
    return {**figures, "status": "finished", **other}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
