"""Face classifiers: a backbone with pooled features and a head (`architectures`). Saved without pickle.

Pictures enter as pixels in [0, 1]; the model normalises them itself, so that an ε-ball, a served request and a
training batch all mean the same units.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pipeline.errors import ConfigError, ModelError
from pipeline.hashes import file_hash
from pipeline.learning import architectures

WEIGHTS, INFO = "model.safetensors", "model.json"
SHA = "weights_sha256"  # in INFO: a flipped bit is a model like any other, which nobody has measured


class FaceClassifier(nn.Module):
    """Backbone and head.

    Args:
        backbone: [B, 3, H, W] -> pooled features [B, D].
        head: [B, D] -> logits [B, C].
        mean, std: of each colour channel, in pixels of [0, 1].
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))

    @property
    def classes(self) -> int:
        """Number of logits C."""
        last = [part for part in self.head.modules() if isinstance(part, nn.Linear)][-1]
        return last.out_features

    def blocks(self) -> list[nn.ModuleList]:
        """All that learns, from pictures to logits; the head is the last. "The last k blocks" means `blocks()[-k:]`."""
        return [*architectures.blocks_of(self.backbone), nn.ModuleList([self.head])]

    def features(self, pixels: Tensor) -> Tensor:
        """Pooled features [B, D] of pictures [B, 3, H, W] with pixels in [0, 1]."""
        mean, std = cast(Tensor, self.mean), cast(Tensor, self.std)
        return cast(Tensor, self.backbone((pixels - mean) / std))

    def denormalise(self, normalised: Tensor) -> Tensor:
        """Pixels of pictures [B, 3, H, W] in the units that the backbone sees."""
        mean, std = cast(Tensor, self.mean), cast(Tensor, self.std)
        return normalised * std + mean

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits [B, C] of pictures [B, 3, H, W] with pixels in [0, 1]."""
        return cast(Tensor, self.head(self.features(pixels)))


def fresh_like(model: FaceClassifier) -> FaceClassifier:
    """A copy with weights and statistics as newly built; the normalisation of pictures stays. Seed torch before."""
    fresh = copy.deepcopy(model)
    architectures.reinitialise(fresh.backbone)
    architectures.reinitialise(fresh.head)
    return fresh


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradient to parameters, so that a step costs one pass to the pixels and no more."""
    was_training = model.training
    learns = [parameter.requires_grad for parameter in model.parameters()]
    model.eval().requires_grad_(False)
    try:
        yield
    finally:
        for parameter, free in zip(model.parameters(), learns, strict=True):
            parameter.requires_grad_(free)
        model.train(was_training)


@contextmanager
def running_statistics_kept(model: nn.Module) -> Iterator[None]:
    """What passes in training mode leaves no trace in BatchNorm's running statistics."""
    norms = [part for part in model.modules() if isinstance(part, _BatchNorm)]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


@contextmanager
def only_last(model: FaceClassifier, k: int) -> Iterator[None]:
    """Only the last k blocks can learn.

    Raises:
        ConfigError: the model has fewer blocks.
    """
    blocks = model.blocks()
    if k > len(blocks):
        raise ConfigError(f"the knob k is {k}, but the architecture has {len(blocks)} blocks: lower it in params.yaml")
    model.requires_grad_(False)
    for block in blocks[-k:]:
        block.requires_grad_(True)
    try:
        yield
    finally:
        model.requires_grad_(True)


def build(
    architecture: str,
    classes: int,
    mean: list[float] | None = None,
    std: list[float] | None = None,
    *,
    head: str = "linear",
    weights: Path | None = None,
) -> FaceClassifier:
    """A freshly initialised classifier (seed torch before).

    Args:
        architecture: of `architectures.BACKBONES`.
        classes: number of logits.
        mean, std: of the pictures' colour channels. Pretrained weights expect ImageNet's, which they then are.
        head: of `architectures.HEADS`.
        weights: torchvision's state dict for the backbone to start from.

    Raises:
        ConfigError: unknown architecture or head; the known ones are named.
        ModelError: the weights are missing, damaged or of another architecture.
    """
    backbone, width = architectures.make_backbone(architecture)
    if weights:
        architectures.load_pretrained(backbone, architecture, weights)
        mean, std = architectures.IMAGENET_MEAN, architectures.IMAGENET_STD
    return FaceClassifier(backbone, architectures.make_head(head, width, classes), mean or [0.5] * 3, std or [0.25] * 3)


def select_device(wanted: str) -> torch.device:
    """`auto` is the GPU when there is one.

    Raises:
        ConfigError: `cuda` is asked for and this machine has none.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise ConfigError(
            "params.yaml asks for `device: cuda`, but torch sees no CUDA device here. "
            "Set `device: auto` or `cpu`, or check the driver with `nvidia-smi`."
        )
    return torch.device("cuda" if available and wanted != "cpu" else "cpu")


def to_device(model: FaceClassifier, device: torch.device | str) -> FaceClassifier:
    """Move a model there, its convolutions channels last: about twice as fast on CPU and GPU."""
    return model.to(device).to(memory_format=torch.channels_last)


def save(model: FaceClassifier, folder: Path, info: dict[str, Any]) -> None:
    """Write weights and `info` (at least architecture, classes and image_size) into a model folder."""
    from safetensors.torch import save as serialise  # a bare GPU machine measures models without keeping any

    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    written = serialise(weights)
    (folder / WEIGHTS).write_bytes(written)  # not save_file: its I/O errors hide the system's number
    info = {**info, SHA: hashlib.sha256(written).hexdigest()}
    (folder / INFO).write_text(json.dumps(info, indent=2) + "\n", encoding="utf-8")


def load_info(folder: Path) -> dict[str, Any]:
    """What `save` was told about the model.

    Raises:
        ModelError: the file is missing or damaged.
    """
    try:
        info = json.loads((folder / INFO).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{folder / INFO} not found: run `dvc repro` to build the model") from None
    except ValueError as error:
        raise ModelError(f"{folder / INFO} is damaged ({error}): {_REMEDY}") from None
    missing = {"architecture", "classes", "image_size"} - set(info)
    if missing:
        raise ModelError(f"{folder / INFO} lacks {', '.join(sorted(missing))}: {_REMEDY}")
    return cast(dict[str, Any], info)


def load(folder: Path, device: torch.device | str = "cpu") -> FaceClassifier:
    """The classifier of a model folder, in evaluation mode.

    Raises:
        ModelError: a file is missing, damaged, or its weights do not fit the architecture or are not those saved.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    info = load_info(folder)
    model = build(info["architecture"], len(info["classes"]), head=info.get("head", "linear"))
    try:
        model.load_state_dict(load_file(folder / WEIGHTS))
    except FileNotFoundError:
        raise ModelError(f"{folder / WEIGHTS} not found: {_REMEDY}") from None
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{folder / WEIGHTS} is damaged or does not fit ({reason}): {_REMEDY}") from None
    if info.get(SHA) not in (None, file_hash(folder / WEIGHTS)):
        raise ModelError(f"{folder / WEIGHTS} is damaged (not the weights that {INFO} tells of): {_REMEDY}")
    return to_device(model, device).eval()


_REMEDY = "delete the folder and run `dvc repro` to get it back; if that does not help, `dlfd verify` first"
