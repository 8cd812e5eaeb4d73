"""MUFAC (Machine Unlearning for Facial Age Classifier, Choi and Na 2023): faces of Korean families, eight age groups.

Layout: custom_{train,val,test}_dataset.csv with the columns family_id, person_id, age_class (a to h) and image_path,
beside the folders train_images/, val_images/ and test_images/.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from pipeline.data.sources import RawDataset, common

PARTS = {"train": "retain", "val": "validation", "test": "unseen"}  # part -> subset in the benchmark
FORGET_ROWS = 1500  # the first rows of train are the benchmark's forget set
COLUMNS = ("family_id", "person_id", "age_class", "image_path")
AGES = list("abcdefgh")


def recognises(root: Path) -> bool:
    """Whether any of the three CSV files is there; `read` names those that are missing."""
    return any(_csv(root, part).is_file() for part in PARTS)


def read(root: Path) -> RawDataset:
    """Read the three tables and check each against its folder of pictures.

    Raises:
        DataError: one message with every problem: a file, folder or column is missing, a cell is empty, a label is
            unknown, a picture is listed twice or not in its folder. Each with its count and the first examples.
    """
    problems: list[str] = []
    tables = [_read_part(root, part, problems) for part in PARTS]
    common.raise_for(root, "MUFAC", problems)
    return common.dataset("mufac", root, {"age": AGES}, pd.concat(tables, ignore_index=True))


def _csv(root: Path, part: str) -> Path:
    return root / f"custom_{part}_dataset.csv"


def _read_part(root: Path, part: str, problems: list[str]) -> pd.DataFrame:
    """Table of one part in canonical form; empty where a problem was found."""
    path, folder = _csv(root, part), root / f"{part}_images"
    found = [f"{what} not found" for what in (path, folder) if not what.exists()]
    if not found:
        rows, found = _read_csv(path)
        found = found or _row_problems(rows, path, folder)
    if found:
        problems += found
        return pd.DataFrame()
    subset = pd.Series(PARTS[part], index=rows.index)
    if part == "train":
        subset.iloc[:FORGET_ROWS] = "forget"
    return common.canonical(
        f"{folder.name}/" + rows["image_path"],
        {"age": rows["age_class"].map(AGES.index)},
        person=rows["family_id"] + "/" + rows["person_id"],
        subset=subset,
    )


def _read_csv(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """All cells as text, and what is wrong with the file as a whole."""
    rows, problems = common.read_csv(path)
    if problems:
        return rows, problems
    missing = [column for column in COLUMNS if column not in rows]
    if missing:
        return rows, [f"{path.name} lacks the column(s) {', '.join(missing)}; it has {', '.join(rows.columns)}"]
    if rows.empty:
        return rows, [f"{path.name} has no rows"]
    return rows.loc[:, list(COLUMNS)].apply(lambda column: column.str.strip()), []


def _row_problems(rows: pd.DataFrame, path: Path, folder: Path) -> list[str]:
    """Empty cells, unknown labels, repeated and missing pictures. File names match letter for letter (.JPG, .jpg)."""
    names = {entry.name for entry in os.scandir(folder)}
    pictures, ages = rows["image_path"], rows["age_class"]
    filled = pictures != ""
    problems = []
    if (empty := (rows == "").any(axis=1)).any():
        problems.append(
            f"{path.name}: {empty.sum()} row(s) with an empty cell: line {common.first(empty.index[empty] + 2)}"
        )
    if (unknown := (ages != "") & ~ages.isin(AGES)).any():
        labels = common.first(ages[unknown].unique())
        problems.append(f"{path.name}: {unknown.sum()} row(s) with an age_class other than a to h: {labels}")
    if (twice := filled & pictures.duplicated()).any():
        problems.append(f"{path.name}: {twice.sum()} picture(s) listed more than once: {common.first(pictures[twice])}")
    if (absent := filled & ~pictures.isin(names)).any():
        told = common.hinted(pictures[absent].tolist(), names)
        problems.append(f"{path.name}: {absent.sum()} picture(s) not in {folder.name}/: {told}")
    return problems
