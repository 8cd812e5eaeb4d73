"""Reader for the checkpoints that the authors of DLFD released (`age_dlfd.pth`, `last_100_age_original.pth`, …).

Layout: a state dict of `base_model.*`, torchvision's ResNet18 (its own `fc`, where there, is not used), and
`features.*`, a head of 512 -> 256 -> 128 -> classes with ReLU and dropout between. Parallel training's `module.`
before each name is dropped.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from pipeline import architectures
from pipeline.errors import ModelError
from pipeline.models import FaceClassifier, build

BACKBONE, HEAD = "base_model.", "features."


def read(path: Path) -> FaceClassifier:
    """The classifier of a released checkpoint, in evaluation mode, its pixels normalised as for ImageNet.

    Raises:
        ModelError: the file is missing, damaged or of another layout; what was found is told.
    """
    state = {name.removeprefix("module."): value for name, value in architectures.read_state_dict(path).items()}
    layers = _head_layers(state)
    widths = [tuple(state[f"{layer}.weight"].shape) for layer in layers]
    if [width[::-1] for width in widths[:2]] != [(512, 256), (256, 128)] or len(widths) != 3 or widths[2][1] != 128:
        raise ModelError(
            f"{path} is not in the layout of the paper's checkpoints (base_model.* and a features.* head of "
            f"512 -> 256 -> 128 -> classes): {_found(state, widths)}"
        )
    model = build("resnet18", widths[2][0], architectures.IMAGENET_MEAN, architectures.IMAGENET_STD, head="mlp")
    ours = [part for part in model.head.modules() if isinstance(part, nn.Linear)]
    backbone = {name.removeprefix(BACKBONE): value for name, value in state.items() if name.startswith(BACKBONE)}
    try:
        model.backbone.load_state_dict({name: value for name, value in backbone.items() if not name.startswith("fc.")})
        for layer, name in zip(ours, layers, strict=True):
            layer.load_state_dict({"weight": state[f"{name}.weight"], "bias": state[f"{name}.bias"]})
    except (RuntimeError, KeyError) as error:
        raise ModelError(f"{path}: base_model.* is not torchvision's ResNet18: {str(error)[:300]}") from None
    return model.eval()


def _head_layers(state: dict[str, Tensor]) -> list[str]:
    """Names of the head's linear layers, in their order."""
    names = [name.removesuffix(".weight") for name, value in state.items() if _is_linear(name, value)]
    return sorted(names, key=lambda name: [int(part) if part.isdigit() else -1 for part in name.split(".")])


def _is_linear(name: str, value: Tensor) -> bool:
    return name.startswith(HEAD) and name.endswith(".weight") and value.ndim == 2


def _found(state: dict[str, Tensor], widths: list[tuple[int, ...]]) -> str:
    if not widths:
        return f"found {', '.join(list(state)[:4])}, … and no {HEAD}*"
    return "found a head of " + " -> ".join(str(n) for n in [widths[0][1], *(width[0] for width in widths)])
