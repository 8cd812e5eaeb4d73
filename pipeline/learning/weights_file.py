"""Weights of others' files: read without running what a pickle can hold, checked, and copied into a network."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import ModelError
from pipeline.hashes import file_hash


def load_exactly(module: nn.Module, state: dict[str, Tensor], wrong: str) -> None:
    """Copy a state dict that must hold every tensor of the module and no other.

    BatchNorm's counters of batches may be missing: files older than PyTorch 0.4.1 have none.

    Args:
        wrong: begins the message where it does not fit.

    Raises:
        ModelError: names the first tensor that is missing, unknown, of another shape or kind, or not finite.
    """
    own = module.state_dict()
    problems = [f"{key} is missing" for key in own.keys() - state if not key.endswith(".num_batches_tracked")]
    problems += [f"{key} is unknown" for key in state.keys() - own]
    problems += [
        f"{key} is {list(state[key].shape)}, not {list(own[key].shape)}"
        for key in own.keys() & state
        if own[key].shape != state[key].shape
    ]
    problems += [f"{key} {flaw}" for key in own.keys() & state if (flaw := _flaw(state[key], own[key]))]
    if problems:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise ModelError(f"{wrong}: {min(problems)}{more}")
    module.load_state_dict(dict(state))  # without version metadata, so that torch fills in the counters


def _flaw(value: Tensor, own: Tensor) -> str:
    """What keeps a tensor from being copied to its place as it is; empty where nothing does."""
    if value.layout != torch.strided or value.is_meta or value.is_floating_point() != own.is_floating_point():
        return f"is {value.dtype} ({value.layout}, on {value.device}), not plain numbers of the kind of {own.dtype}"
    return "" if value.isfinite().all() else "holds infinite or NaN values"


def sha256(path: Path) -> str:
    """Of the file that `model.weights` names, so that a model says what it started from.

    Raises:
        ModelError: the file is missing.
    """
    if not path.is_file():
        raise ModelError(f"model.weights: {path} not found: give the path of a local .pth file, or leave it empty")
    return file_hash(path)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors of a .pth file, without running the code that a pickle can hold.

    Raises:
        ModelError: the file is missing, damaged, or holds something else.
    """
    if not path.is_file():
        raise ModelError(f"{path} not found: give the path of a local .pth file")
    try:
        with warnings.catch_warnings(action="ignore"):
            state: Any = torch.load(path, map_location="cpu", weights_only=True)
            _check_sums(path)
    except Exception as error:  # a damaged or hostile file may raise anything
        code = re.search(r"GLOBAL (\S+)", str(error))
        why = f"it asks for the code of {code[1]}" if code else "it is damaged or not from torch.save"
        raise ModelError(
            f"{path} holds no plain tensors ({why}): save it with torch.save(model.state_dict())"
        ) from None
    if not isinstance(state, dict) or not state or not all(map(_is_named_tensor, state.items())):
        raise ModelError(f"{path} is no state dict: save it with torch.save(model.state_dict())")
    return state


def _check_sums(path: Path) -> None:
    """Raises ValueError where a byte of torch's archive has changed: `torch.load` does not look at its check sums."""
    if not zipfile.is_zipfile(path):  # as files older than PyTorch 1.6
        return
    with zipfile.ZipFile(path) as archive:
        if (member := archive.testzip()) is not None:
            raise ValueError(f"{member} does not match its check sum")


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)
