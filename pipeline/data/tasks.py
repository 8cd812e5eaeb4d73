"""What a classifier predicts: the label of one task, or `attributes`, three binary labels at once.

A split has one label a picture. For `attributes` it is a code, Σ bit_i · 2^i, so that splitting and validation treat a
combination of attributes like any class; training and evaluation see the bits.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

ATTRIBUTES = ("gender", "young", "smiling")  # Choi & Na, AAAI 2025, on MUCAC


def is_multi_label(task: str) -> bool:
    """Whether a picture has several labels at once."""
    return task == "attributes"


def label_names(classes: dict[str, list[str]], task: str) -> list[str]:
    """Name of every label of a split, in order of the code.

    Args:
        classes: task -> class names, as the store says.

    Raises:
        DataError: the data has no labels for the task, or an attribute has not exactly two classes.
    """
    _check(classes, task)
    if not is_multi_label(task):
        return classes[task]
    combined = product(*(classes[name] for name in reversed(ATTRIBUTES)))
    return [" ".join(reversed(names)) for names in combined]


def output_names(classes: dict[str, list[str]], task: str) -> list[str]:
    """Name of every logit: a class each, or an attribute each.

    Raises:
        DataError: the data has no labels for the task, or an attribute has not exactly two classes.
    """
    _check(classes, task)
    return list(ATTRIBUTES) if is_multi_label(task) else classes[task]


def labels(table: pd.DataFrame, task: str) -> pd.Series:
    """Label of every picture of a store's table, int64 [N]; -1 where it, or one of the attributes, is unknown."""
    if not is_multi_label(task):
        return table[task].astype("int64")
    bits = table[list(ATTRIBUTES)].astype("int64")
    code = sum((bits[name] * 2**place for place, name in enumerate(ATTRIBUTES)), start=pd.Series(0, index=bits.index))
    return code.where((bits >= 0).all(axis=1), -1)


def targets(codes: Tensor, task: str) -> Tensor:
    """What a model learns: labels [M] as they are, or the bits [M, A] of codes [M]."""
    if not is_multi_label(task):
        return codes
    return (codes[:, None] >> codes.new_tensor(range(len(ATTRIBUTES)))) & 1


def _check(classes: dict[str, list[str]], task: str) -> None:
    needed = ATTRIBUTES if is_multi_label(task) else (task,)
    if missing := [name for name in needed if name not in classes]:
        among = [*classes, *(["attributes"] if set(ATTRIBUTES) <= set(classes) else [])]
        lacking = f" (missing: {', '.join(missing)})" if is_multi_label(task) else ""
        raise DataError(f"the data has no labels for task {task!r}{lacking}; set `task:` to one of: {', '.join(among)}")
    if wide := [name for name in needed if is_multi_label(task) and len(classes[name]) != 2]:
        told = "; ".join(f"{name} has {', '.join(classes[name])}" for name in wide)
        raise DataError(
            f"task {task!r} takes exactly two classes an attribute: {told}. Relabel, or set another `task:`"
        )
