"""A folder of anyone's own pictures, described by a table.

Layout: manifest.csv or manifest.parquet, a row a picture: `path` relative to the manifest's folder; at least one of the
tasks `age`, `emotion`, `gender`, `young`, `smiling`; if known `person`, a key of whom the picture shows (without it the
picture is its own unit); if wanted `subset`, one of retain, forget, validation, unseen, test, for protocol `published`.
A task's labels are class numbers from 0 or names, whose order is alphabetical with numbers by size; empty or -1 is
unknown. Other columns are left alone.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pandas as pd

from pipeline.data.sources import TASKS, RawDataset, common
from pipeline.data.subset_names import PUBLISHED

MANIFESTS = ("manifest.csv", "manifest.parquet")


def recognises(root: Path) -> bool:
    """Whether the folder holds a manifest."""
    return any((root / name).is_file() for name in MANIFESTS)


def read(root: Path) -> RawDataset:
    """Read the manifest and check it against the folder.

    Raises:
        DataError: one message with every problem: no `path` or label column, a path that is empty, leads outside, is
            listed twice or has no picture, an unknown subset, labels that cannot be classes.
    """
    rows, path, problems = _read_manifest(root)
    classes: dict[str, list[str]] = {}
    labels: dict[str, pd.Series] = {}
    if not problems:
        rows["path"], problems = _paths(rows["path"], root, path)
        problems += _subset_problems(rows, path)
        for task in [task for task in TASKS if task in rows]:
            names, numbers, wrong = _classes(rows[task], task, path)
            problems += wrong
            if names:
                classes[task], labels[task] = names, numbers
        if not classes and not problems:
            problems.append(f"{path.name}: no label in any of {', '.join(TASKS)}: fill at least one of these columns")
    common.raise_for(root, "the folder", problems)
    table = common.canonical(rows["path"], labels, person=rows.get("person"), subset=rows.get("subset", ""))
    return common.dataset("folder", root, classes, table)


def _read_manifest(root: Path) -> tuple[pd.DataFrame, Path, list[str]]:
    """All cells as stripped text, where they are from, and what is wrong with the file as a whole."""
    there = [root / name for name in MANIFESTS if (root / name).is_file()]
    if len(there) > 1:
        return pd.DataFrame(), root, [f"{' and '.join(MANIFESTS)} are both there: remove one of them"]
    path = there[0]
    rows, problems = common.read_csv(path) if path.suffix == ".csv" else _read_parquet(path)
    if problems:
        return rows, path, problems
    rows.columns = rows.columns.str.strip()
    has = f"it has {', '.join(rows.columns)}"
    if twice := sorted(set(rows.columns[rows.columns.duplicated()])):
        problems.append(f"{path.name} has the column(s) {', '.join(twice)} more than once")
    if "path" not in rows:
        problems.append(f"{path.name} lacks the column path (separated by commas); {has}")
    if not any(task in rows for task in TASKS):
        problems.append(f"{path.name} has no label column: add at least one of {', '.join(TASKS)}; {has}")
    if rows.empty:
        problems.append(f"{path.name} has no rows")
    return rows.apply(lambda column: column.str.strip()), path, problems


def _read_parquet(path: Path) -> tuple[pd.DataFrame, list[str]]:
    try:
        # nullable: a gap would else make float64 of whole numbers, and one person of two with long keys
        table = flat(pd.read_parquet(path, dtype_backend="numpy_nullable"))
    except (ValueError, OSError) as error:  # Arrow's errors are ValueErrors
        return pd.DataFrame(), [f"{path.name} cannot be read as Parquet: {' '.join(str(error).split())}"]
    return table.set_axis(table.columns.astype(str), axis=1).apply(_as_text), []


def flat(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its named index as columns, as of `set_index("person")` before it was written."""
    named = [name for name in table.index.names if name is not None]
    return table.reset_index(named).reset_index(drop=True)


def _as_text(column: pd.Series) -> pd.Series:
    """Cells as a CSV file would have them: nothing for a gap, and no `.0` that gaps give to whole numbers."""
    is_whole = pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all()
    if is_whole or pd.api.types.is_bool_dtype(column):
        column = column.astype("Int64")
    return column.astype(object).where(column.notna(), "").astype(str)


def _paths(paths: pd.Series, root: Path, manifest: Path) -> tuple[pd.Series, list[str]]:
    """Normal paths, and those that are empty, lead outside, come twice or have no picture."""
    problems = []
    if (empty := paths == "").any():
        problems.append(
            f"{manifest.name}: {empty.sum()} row(s) without a path: row {common.first(empty.index[empty] + 1)}"
        )
    normal = paths.where(empty, paths.map(posixpath.normpath))
    outside = normal.str.startswith("/") | (normal == "..") | normal.str.startswith("../")
    if outside.any():
        told = f"{outside.sum()} path(s) that lead outside the folder: {common.first(paths[outside])}"
        problems.append(f"{manifest.name}: {told}: give paths relative to it")
    inside = ~empty & ~outside
    if (twice := inside & normal.duplicated()).any():
        problems.append(
            f"{manifest.name}: {twice.sum()} picture(s) listed more than once: {common.first(normal[twice])}"
        )
    there = common.files(root)
    if (absent := inside & ~normal.isin(there)).any():
        told = common.hinted(normal[absent].tolist(), there)
        problems.append(f"{manifest.name}: {absent.sum()} picture(s) not in the folder: {told}")
    return normal, problems


def _subset_problems(rows: pd.DataFrame, path: Path) -> list[str]:
    unknown = ~rows["subset"].isin([*PUBLISHED, ""]) if "subset" in rows else pd.Series(False, index=rows.index)
    if not unknown.any():
        return []
    told = common.first(rows["subset"][unknown].unique())
    return [f"{path.name}: {unknown.sum()} row(s) with a subset other than {', '.join(PUBLISHED)}: {told}"]


def _classes(cells: pd.Series, task: str, path: Path) -> tuple[list[str], pd.Series, list[str]]:
    """Class names in label order (none if all is unknown), the label of each row, and what is wrong."""
    known = ~cells.isin(["", "-1"])
    names = sorted(cells[known].unique(), key=_natural)
    numbers = cells.map({name: label for label, name in enumerate(names)}).where(known, -1)
    if len(names) == 1:
        return names, numbers, [f"{path.name}: column {task} knows one class only: {names[0]}; there must be two"]
    whole = [name for name in names if re.fullmatch(r"-?\d+", name)]
    if whole and len(whole) < len(names):
        mixed = [whole[0], next(name for name in names if name not in whole)]
        return names, numbers, [f"{path.name}: column {task} mixes numbers and names: {common.first(mixed)}"]
    if whole and names != [str(label) for label in range(len(names))]:
        told = "class numbers that do not run from 0 without a gap"
        return (
            names,
            numbers,
            [f"{path.name}: column {task} has {told}: {common.first(names)}: number them so, or use names"],
        )
    return names, numbers, []


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts 7-12 before 13-19."""
    words = [word for word in re.split(r"(\d+)", name) if word]
    return [(0, len(digits := word.lstrip("0")), digits) if word.isdecimal() else (1, 0, word) for word in words]
