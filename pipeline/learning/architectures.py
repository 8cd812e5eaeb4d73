"""What a face classifier is made of: torchvision's networks without their classifier, and heads.

To add a backbone, add its line to `BACKBONES`; to add a head, its line to `HEADS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import torchvision.models as zoo
from torch import nn

from pipeline.errors import ConfigError
from pipeline.learning.weights_file import load_exactly, read_state_dict


class Backbone(NamedTuple):
    """A network of torchvision.

    Attributes:
        create: makes it, freshly initialised.
        classifier: the attribute that is left out.
        least_size: pixels a side of the smallest picture that is not pooled away to nothing.
    """

    create: Callable[[], nn.Module]
    classifier: str
    least_size: int


BACKBONES = {
    "resnet18": Backbone(zoo.resnet18, "fc", 1),  # He et al., CVPR 2016
    "densenet121": Backbone(zoo.densenet121, "classifier", 29),  # Huang et al., CVPR 2017
    "efficientnet_b0": Backbone(zoo.efficientnet_b0, "classifier", 1),  # Tan & Le, ICML 2019
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
    classifier = _known(name).classifier
    backbone = BACKBONES[name].create()
    linear = next(part for part in getattr(backbone, classifier).modules() if isinstance(part, nn.Linear))
    setattr(backbone, classifier, nn.Identity())
    return backbone, linear.in_features


def make_head(name: str, width: int, classes: int) -> nn.Module:
    """A freshly initialised head, [B, D] -> [B, C]. Seed torch before.

    Raises:
        ConfigError: unknown name; the known ones are named.
    """
    if name not in HEADS:
        raise ConfigError(f"model.head: unknown head {name!r} (known: {', '.join(HEADS)})")
    return HEADS[name](width, classes)


def check_image_size(name: str, size: int) -> None:
    """Refuse pictures that the backbone cannot see.

    Raises:
        ConfigError: unknown backbone, or pictures too small for it.
    """
    least = _known(name).least_size
    if size < least:
        raise ConfigError(f"data.image_size is {size}, but {name} needs {least} or more: raise it in params.yaml")


def _known(name: str) -> Backbone:
    if name not in BACKBONES:
        raise ConfigError(f"model.architecture: unknown architecture {name!r} (known: {', '.join(BACKBONES)})")
    return BACKBONES[name]


def blocks_of(backbone: nn.Module) -> list[nn.ModuleList]:
    """Everything with weights or statistics, in order from the pictures on, each part in exactly one block.

    A new block begins at every child that is itself made of parts (a stage of residual, dense or inverted bottleneck
    blocks); bare layers, such as a normalisation, and DenseNet's transitions join the block before them:

        resnet18          conv1 + bn1 | layer1 | layer2 | layer3 | layer4
        densenet121       conv0 + norm0 | dense block + transition (three times) | dense block + norm5
        efficientnet_b0   stem | seven stages | last convolution
    """
    parts = _parts(backbone)
    while len(parts) == 1 and isinstance(parts[0][1], nn.Sequential):
        parts = _parts(parts[0][1])
    found: list[nn.ModuleList] = []
    for name, part in parts:
        if not found or (list(part.children()) and not name.startswith("transition")):
            found.append(nn.ModuleList())
        found[-1].append(part)
    return found


def _parts(module: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, child) for name, child in module.named_children() if child.state_dict()]


def reinitialise(network: nn.Module) -> None:
    """Weights and statistics of a whole backbone or head as it is built, in place. Seed torch before."""
    mode: Literal["fan_in", "fan_out"] = "fan_in" if isinstance(network, zoo.DenseNet) else "fan_out"  # of each paper
    for part in network.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset):
            reset()
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode=mode)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def load_pretrained(backbone: nn.Module, name: str, path: Path) -> None:
    """Start from torchvision's own state dict of the same network; its classifier is left out.

    Raises:
        ModelError: the file is missing, is no state dict of tensors, or is of another network.
    """
    classifier = f"{BACKBONES[name].classifier}."
    old = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")  # names in torchvision's file of DenseNet121
    state = {old.sub(r"\1\2", key): value for key, value in read_state_dict(path).items()}
    state = {key: value for key, value in state.items() if not key.startswith(classifier)}
    load_exactly(backbone, state, f"{path} is not a torchvision state dict of {name}")
