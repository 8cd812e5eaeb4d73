"""Raw data of any layout -> one canonical form. One file a source, named after the data set.

A source module has two functions:

    recognises(root: Path) -> bool        looks at names only; cheap
    read(root: Path) -> RawDataset        raises DataError that names the file, row or column and the remedy

To add a source, add its file and its name to `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import DataError

SOURCES = ("folder", "synthetic", "mufac", "rafdb", "celeba", "utkface")  # the first that recognises a folder reads it
TASKS = ("age", "emotion", "gender", "young", "smiling")


@dataclass(frozen=True)
class RawDataset:
    """A data set as its source describes it, before any picture is decoded.

    Attributes:
        name: of the source, such as ``mufac``.
        classes: task -> class names in label order; only tasks the data set has labels for.
        table: one row an image: ``person`` (key of whom it shows, unique in the data set), ``source`` (relative
            path or other name of the picture, unique), ``published_subset`` (the benchmark's own: retain, forget,
            validation, unseen, test; empty where it has none), and one int column for each of TASKS
            (-1 = unknown).
        image: row number -> the decoded picture, uint8 [h, w, 3] RGB; raises DataError where it cannot be read.
            Safe to call from several threads.
        notes: sentences on what was read in spite of a flaw; the download stage shows them.
    """

    name: str
    classes: dict[str, list[str]]
    table: pd.DataFrame
    image: Callable[[int], np.ndarray]
    notes: tuple[str, ...] = ()


def read(root: Path) -> RawDataset:
    """Recognise the layout of a folder and read it with the source that knows it.

    Raises:
        DataError: no source recognises the folder, or its source refuses what is in it.
    """
    name = source_of(root)
    if name is None:
        raise unknown_layout(root)
    found: RawDataset = _module(name).read(root)
    return found


def source_of(folder: Path) -> str | None:
    """Name of the source that recognises a folder, None where there is none; names are looked at, nothing is read."""
    return next((name for name in SOURCES if _module(name).recognises(folder)), None)


def unknown_layout(path: Path, more: str = "") -> DataError:
    """The error that no source recognises what is there; `more` goes on with the sentence."""
    known = ", ".join(SOURCES)
    return DataError(
        f"{path}: no known data layout (known: {known}){more}. See README, 'Your own data', for what each expects."
    )


def _module(name: str) -> Any:
    return import_module(f"{__name__}.{name}")
