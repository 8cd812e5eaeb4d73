"""What several sources share: reading text tables, the canonical table, and one message with every problem."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data.images import decode
from pipeline.data.sources import TASKS, RawDataset
from pipeline.errors import DataError

SHOWN = 5  # examples in a message
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def raise_for(root: Path, title: str, problems: list[str]) -> None:
    """Raises DataError: one message with every problem, if there is any."""
    if problems:
        raise DataError(
            "\n".join([f"{root}: {title} has {len(problems)} problem(s):", *(f"  - {p}" for p in problems)])
        )


def first(values: Iterable[object]) -> str:
    """The first few values, and an ellipsis where there are more."""
    told = [str(value) for value in values]
    return ", ".join(told[:SHOWN]) + (", …" if len(told) > SHOWN else "")


def hinted(absent: Sequence[str], names: Collection[str]) -> str:
    """`first` of names that are not there, each with the one that differs from it in case only."""
    case = {name.lower(): name for name in names}
    return first(f"{name} (there is {case[name.lower()]})" if name.lower() in case else name for name in absent)


def read_csv(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """All cells as text, and what is wrong with the file as a whole."""
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        first_line = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", header=None, nrows=1)
    except (ValueError, OSError) as error:  # pandas' parser errors and bad UTF-8 are ValueErrors
        return pd.DataFrame(), [f"{path.name} cannot be read as CSV: {error}"]
    if not isinstance(rows.index, pd.RangeIndex):  # pandas takes the cells in front for row names
        return rows, [f"{path.name} has rows with more cells than its first line: quote cells that hold a comma"]
    names = first_line.iloc[0].str.strip()  # pandas renames a second `age` to `age.1`
    if twice := sorted({name for name in names[names.duplicated()] if name}):
        return rows, [f"{path.name} has the column(s) {', '.join(twice)} more than once"]
    return rows, []


def read_words(path: Path) -> tuple[list[list[str]], list[str]]:
    """The words of each line (without empty lines at the end), and what is wrong with the file as a whole."""
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (ValueError, OSError) as error:
        return [], [f"{path.name} cannot be read as text: {error}"]
    return [line.split() for line in lines], [] if lines else [f"{path.name} is empty"]


def words_table(
    path: Path, words: list[list[str]], columns: Sequence[str], skipped: int = 0
) -> tuple[pd.DataFrame, list[str]]:
    """Lines of words as a table of text whose first column is its key, and what is wrong with them.

    Args:
        path: named in problems.
        words: of each line.
        columns: names of the columns, as many as words in each line.
        skipped: lines of the file before these.
    """
    bad = [number for number, line in enumerate(words, start=skipped + 1) if len(line) != len(columns)]
    if bad:
        told = f"{len(bad)} line(s) without exactly {len(columns)} words ({first(columns)})"
        return pd.DataFrame(columns=list(columns), dtype=str), [f"{path.name}: {told}: line {first(bad)}"]
    table = pd.DataFrame(words, columns=list(columns), dtype=str)
    twice = table[columns[0]][table[columns[0]].duplicated()].unique()
    return table, [f"{path.name}: {len(twice)} name(s) listed more than once: {first(twice)}"] if len(twice) else []


def files(folder: Path) -> set[str]:
    """Paths of all files below a folder, relative to it, with forward slashes."""
    return {
        (Path(where) / name).relative_to(folder).as_posix() for where, _, names in os.walk(folder) for name in names
    }


def is_picture(name: str) -> bool:
    """Whether a file's name is that of a picture; macOS' `._` companions in archives are none."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def pictures(folder: Path) -> list[str]:
    """Picture files below a folder, relative to it, sorted: the order of the file system plays no part."""
    return sorted(path for path in files(folder) if is_picture(path.rpartition("/")[2]))


def canonical(
    source: pd.Series | Sequence[str],
    labels: Mapping[str, pd.Series | np.ndarray],
    *,
    person: pd.Series | Sequence[str] | None = None,
    subset: pd.Series | Sequence[str] | str = "",
) -> pd.DataFrame:
    """The table of `RawDataset`.

    A picture whose person is not told (no `person`, or "") is its own unit, and its path the key to forget it by.
    """
    columns = {"person": "" if person is None else person, "source": source, "published_subset": subset}
    table = pd.DataFrame({**columns, **dict.fromkeys(TASKS, -1), **labels})
    table["person"] = table["person"].where(table["person"] != "", table["source"])
    return table.reset_index(drop=True).astype(dict.fromkeys(TASKS, int))


def dataset(
    name: str, root: Path, classes: dict[str, list[str]], table: pd.DataFrame, notes: tuple[str, ...] = ()
) -> RawDataset:
    """A data set whose pictures are the files `source` below `root`."""
    paths = [root / source for source in table["source"]]

    def image(row: int) -> np.ndarray:
        return decode(paths[row])

    return RawDataset(name=name, classes=classes, table=table, image=image, notes=notes)
