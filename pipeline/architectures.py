"""What a face classifier is made of: torchvision's networks without their classifier, and heads.

To add a backbone, add its line to `BACKBONES`; to add a head, its line to `HEADS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torchvision.models as zoo
from torch import Tensor, nn

from pipeline.errors import ConfigError, ModelError

BACKBONES: dict[str, tuple[Callable[[], nn.Module], str]] = {  # the network and the attribute that is its classifier
    "resnet18": (zoo.resnet18, "fc"),  # He et al., CVPR 2016
    "densenet121": (zoo.densenet121, "classifier"),  # Huang et al., CVPR 2017
    "efficientnet_b0": (zoo.efficientnet_b0, "classifier"),  # Tan & Le, ICML 2019
}
IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def linear_head(width: int, classes: int) -> nn.Module:
    """[B, D] -> [B, C] in one layer."""
    return nn.Linear(width, classes)


def mlp_head(width: int, classes: int) -> nn.Module:
    """[B, D] -> 256 -> 128 -> [B, C], dropout after each hidden layer: the head of the paper's released models."""
    hidden = [nn.Linear(width, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*hidden, nn.Linear(128, classes))


HEADS: dict[str, Callable[[int, int], nn.Module]] = {"linear": linear_head, "mlp": mlp_head}


def make_backbone(name: str) -> tuple[nn.Module, int]:
    """A freshly initialised backbone, pictures -> pooled features [B, D], and D. Seed torch before.

    Raises:
        ConfigError: unknown name; the known ones are named.
    """
    if name not in BACKBONES:
        raise ConfigError(f"model.architecture: unknown architecture {name!r} (known: {', '.join(BACKBONES)})")
    create, classifier = BACKBONES[name]
    backbone = create()
    width = int(
        next(part for part in getattr(backbone, classifier).modules() if isinstance(part, nn.Linear)).in_features
    )
    setattr(backbone, classifier, nn.Identity())
    return backbone, width


def blocks_of(backbone: nn.Module) -> list[nn.ModuleList]:
    """Everything with weights or statistics, in order from the pictures on, each part in exactly one block.

    A new block begins at every child that is itself made of parts (a stage of residual, dense or inverted bottleneck
    blocks, a transition); bare layers, such as a normalisation, join the block before them:

        resnet18          conv1 + bn1 | layer1 | layer2 | layer3 | layer4
        densenet121       conv0 + norm0 | dense block, transition (three times) | dense block + norm5
        efficientnet_b0   stem | seven stages | last convolution
    """
    parts = [child for child in backbone.children() if child.state_dict()]
    while len(parts) == 1 and isinstance(parts[0], nn.Sequential):
        parts = [child for child in parts[0].children() if child.state_dict()]
    found: list[nn.ModuleList] = []
    for part in parts:
        if not found or list(part.children()):
            found.append(nn.ModuleList())
        found[-1].append(part)
    return found


def reinitialise(module: nn.Module) -> None:
    """Fresh weights and statistics in place, convolutions as in ResNet (He et al., ICCV 2015). Seed torch before."""
    for part in module.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset):
            reset()
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")


def load_pretrained(backbone: nn.Module, name: str, path: Path) -> None:
    """Start from torchvision's own state dict of the same network; its classifier is left out.

    Raises:
        ModelError: the file is missing, is no state dict of tensors, or is of another network.
    """
    classifier = BACKBONES[name][1]
    state = {key: value for key, value in read_state_dict(path).items() if not key.startswith(f"{classifier}.")}
    try:
        backbone.load_state_dict(state)
    except RuntimeError as error:
        wrong = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ModelError(f"{path} is not a torchvision state dict of {name}: {wrong[:200]}") from None


def sha256(path: Path) -> str:
    """Of a weights file, so that a model says what it started from.

    Raises:
        ModelError: the file is missing.
    """
    if not path.is_file():
        raise ModelError(f"model.weights: {path} not found: give the path of a local .pth file, or leave it empty")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors of a .pth file, without running the code that a pickle can hold.

    Raises:
        ModelError: the file is missing, damaged, or holds something else.
    """
    if not path.is_file():
        raise ModelError(f"{path} not found: give the path of a local .pth file")
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file may raise anything
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{path} holds no plain tensors ({reason[:200]}): save it with torch.save(model.state_dict())"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelError(f"{path} is no state dict: save it with torch.save(model.state_dict())")
    return state
