"""Reader for the checkpoints that the authors of DLFD released (`age_dlfd.pth`, `last_100_age_original.pth`, …).

Layout: a state dict of `base_model.*`, torchvision's ResNet18 (its own `fc`, where there, is not used), and
`features.*`, a head of 512 -> 256 -> 128 -> classes with ReLU and dropout between. Parallel training's `module.`
before each name is dropped.

What the authors' loaders feed (github.com/Dasol-Choi/DLFD): the age models saw colours, normalised as for ImageNet;
the emotion models saw grey pictures, normalised with mean and standard deviation .5.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.errors import ModelError
from pipeline.learning import architectures, weights_file
from pipeline.learning.models import FaceClassifier, build

BACKBONE, HEAD = "base_model.", "features."
GREY = (0.299, 0.587, 0.114)  # shares of red, green and blue (ITU-R BT.601, as Pillow's)


def read(path: Path, task: str = "age") -> FaceClassifier:
    """The classifier of a released checkpoint, in evaluation mode; as all of ours it takes colour pixels in [0, 1].

    Args:
        task: what it predicts; for `emotion`, it sees the grey of its pixels.

    Raises:
        ModelError: the file is missing, damaged or of another layout; what was found is told.
    """
    state = {name.removeprefix("module."): value for name, value in weights_file.read_state_dict(path).items()}
    layers = _head_layers(state)
    _check_layout(path, state, layers)
    grey = task == "emotion"
    mean, std = ([0.5] * 3, [0.5] * 3) if grey else (architectures.IMAGENET_MEAN, architectures.IMAGENET_STD)
    model = build("resnet18", len(state[f"{layers[-1]}.weight"]), mean, std, head="mlp")
    backbone = _below(BACKBONE, {name: value for name, value in state.items() if not name.startswith(f"{BACKBONE}fc.")})
    weights_file.load_exactly(model.backbone, backbone, f"{path}: {BACKBONE}* is not torchvision's ResNet18")
    ours = [part for part in model.head.modules() if isinstance(part, nn.Linear)]
    for layer, name in zip(ours, layers, strict=True):
        weights_file.load_exactly(layer, _below(f"{name}.", state), f"{path}: {name} is no linear layer")
    if grey:
        _see_grey(model.backbone.get_submodule("conv1"))
    return model.eval()


def _head_layers(state: dict[str, Tensor]) -> list[str]:
    """Names of the head's linear layers, in their order."""
    names = [name.removesuffix(".weight") for name, value in state.items() if _is_linear(name, value)]
    return sorted(names, key=lambda name: [int(part) if part.isdigit() else -1 for part in name.split(".")])


def _is_linear(name: str, value: Tensor) -> bool:
    return name.startswith(HEAD) and name.endswith(".weight") and value.ndim == 2


def _check_layout(path: Path, state: dict[str, Tensor], layers: list[str]) -> None:
    shapes = [list(state[f"{layer}.weight"].shape) for layer in layers]
    fits = [shape[::-1] for shape in shapes[:2]] == [[512, 256], [256, 128]]
    fits = fits and len(shapes) == 3 and shapes[2][1] == 128
    known = (BACKBONE, *(f"{layer}." for layer in layers))
    foreign = [name for name in state if not name.startswith(known)]
    if fits and not foreign:
        return
    if not shapes:
        found = f"{', '.join(list(state)[:4])}, … and no {HEAD}*"
    elif fits:
        found = f"{foreign[0]} beside them"
    else:
        found = "a head of " + " -> ".join(str(width) for width in [shapes[0][1], *(shape[0] for shape in shapes)])
    raise ModelError(
        f"{path} is not in the layout of the paper's checkpoints ({BACKBONE}* and a {HEAD}* head of "
        f"512 -> 256 -> 128 -> classes): found {found}"
    )


def _below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


@torch.no_grad()
def _see_grey(convolution: nn.Module) -> None:
    """On a colour picture, the outputs that its grey in all three channels had before.

    Grey is linear in the colours, and mean and standard deviation are the same in each channel.
    """
    weight = convolution.weight
    assert isinstance(weight, Tensor)
    weight.copy_(weight.sum(1, keepdim=True) * torch.tensor(GREY).view(1, 3, 1, 1))
