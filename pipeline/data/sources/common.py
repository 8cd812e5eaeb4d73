"""What several sources do: collect problems, list pictures, fill the canonical table."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.images import decode
from pipeline.data.sources import TASKS
from pipeline.errors import DataError

SHOWN = 5  # examples in a message
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def refuse(root: Path, name: str, problems: list[str]) -> None:
    """One message with all problems.

    Raises:
        DataError: there is one.
    """
    if problems:
        raise DataError("\n".join([f"{root}: {name} has {len(problems)} problem(s):", *(f"  - {p}" for p in problems)]))


def first(values: pd.Index | pd.Series | np.ndarray | Sequence[Any]) -> str:
    """The first few of many, for a message."""
    told = [str(value) for value in values[:SHOWN]]
    return ", ".join(told) + (", …" if len(values) > SHOWN else "")


def pictures(folder: Path) -> list[str]:
    """Names of the picture files right in a folder, sorted; empty where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(folder) if entry.name.lower().endswith(PICTURES))


def canonical(rows: dict[str, Any]) -> pd.DataFrame:
    """The table of a RawDataset from `source` and, where the data has them, `person`, `published_subset` and tasks.

    Pictures without `person` are a unit each: nothing says that two of them show the same one.
    """
    defaults: dict[str, Any] = {"person": rows["source"], "published_subset": "", **dict.fromkeys(TASKS, -1)}
    return pd.DataFrame({**defaults, **rows}).reset_index(drop=True)


def reader(root: Path, table: pd.DataFrame) -> Callable[[int], np.ndarray]:
    """Decodes the picture of a row."""
    paths = [root / source for source in table["source"]]

    def image(row: int) -> np.ndarray:
        return decode(paths[row])

    return image
