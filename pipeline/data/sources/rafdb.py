"""RAF-DB, basic and aligned (Li, Deng & Du, CVPR 2017): 15,339 faces with one of seven emotions; no identities.

Layouts: folders `train/<1..7>/` and `test/<1..7>/`; or the official list, `list_patition_label.txt` (sic; here or in
EmoLabel/), with lines such as `train_00001.jpg 5`, beside the pictures (here, or in Image/aligned/ as
`train_00001_aligned.jpg`).

Its benchmark split (Choi & Na, AAAI 2025): a tenth of train validates, 30 % of the rest is forgotten, test is unseen.
Which pictures they drew is not published: ours are drawn from the sorted names with a fixed seed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data.sources import RawDataset
from pipeline.data.sources.common import canonical, first, pictures, reader, refuse

EMOTIONS = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]  # 1 to 7
LISTS = ("list_patition_label.txt", "list_partition_label.txt")
FOLDERS = (".", "EmoLabel", "basic/EmoLabel")
ALIGNED = ("Image/aligned", "basic/Image/aligned", "aligned", ".")
PARTS = ("train", "test")
VALIDATION, FORGET = 0.1, 0.3  # of train; of the rest
DRAW = 0  # seed


def recognises(root: Path) -> bool:
    """Whether the list or the numbered folders of train are there."""
    return _list(root) is not None or any((root / "train" / str(number)).is_dir() for number in range(1, 8))


def read(root: Path) -> RawDataset:
    """Read names and labels.

    Raises:
        DataError: a line of the list or a folder cannot be understood, or a picture is missing or listed
            twice, or there are none.
    """
    problems: list[str] = []
    path = _list(root)
    rows = _from_folders(root, problems) if path is None else _from_list(root, path, problems)
    refuse(root, "RAF-DB", problems)
    rows = rows.sort_values("source", ignore_index=True)
    table = canonical({**rows[["source", "emotion"]], "published_subset": _published(rows["part"])})
    return RawDataset(name="rafdb", classes={"emotion": EMOTIONS}, table=table, image=reader(root, table))


def _list(root: Path) -> Path | None:
    places = [root / folder / name for folder in FOLDERS for name in LISTS]
    return next((place for place in places if place.is_file()), None)


def _from_folders(root: Path, problems: list[str]) -> pd.DataFrame:
    rows = []
    for part in PARTS:
        found = (
            sorted(entry.name for entry in (root / part).iterdir() if entry.is_dir()) if (root / part).is_dir() else []
        )
        if strange := [name for name in found if name not in map(str, range(1, 8))]:
            problems.append(f"{part}/ has folders other than 1 to 7: {first(strange)}")
        if missing := [str(number) for number in range(1, 8) if str(number) not in found]:
            problems.append(f"{part}/ lacks the folder(s) {', '.join(missing)}")
        for number in range(1, 8):
            names = pictures(root / part / str(number))
            rows += [(f"{part}/{number}/{name}", part, number - 1) for name in names]
    if not rows and not problems:
        problems.append("no pictures in train/<1..7>/ and test/<1..7>/")
    return pd.DataFrame(rows, columns=["source", "part", "emotion"])


def _from_list(root: Path, path: Path, problems: list[str]) -> pd.DataFrame:
    lines = [line.split() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if wrong := [number for number, words in enumerate(lines, 1) if not _is_line(words)]:
        problems.append(
            f"{path.name}: {len(wrong)} line(s) other than `train_00001.jpg 5` with 1 to 7: line {first(wrong)}"
        )
        return pd.DataFrame()
    if not lines:
        problems.append(f"{path.name} is empty")
        return pd.DataFrame()
    rows = pd.DataFrame([(words[0], words[0].split("_")[0], int(words[1]) - 1) for words in lines])
    rows.columns = pd.Index(["name", "part", "emotion"])
    if (twice := rows["name"].duplicated()).any():
        problems.append(f"{path.name}: {twice.sum()} picture(s) listed more than once: {first(rows['name'][twice])}")
    there = {name: f"{folder}/{name}".removeprefix("./") for folder in ALIGNED for name in pictures(root / folder)}
    aligned = rows["name"].str.replace(r"\.(\w+)$", r"_aligned.\1", regex=True)
    rows["source"] = aligned.map(there).fillna(rows["name"].map(there))
    if (absent := rows["source"].isna()).any():
        problems.append(
            f"{absent.sum()} picture(s) of {path.name} not in {ALIGNED[0]}/ or beside it: {first(rows['name'][absent])}"
        )
    return rows


def _is_line(words: list[str]) -> bool:
    return len(words) == 2 and words[0].split("_")[0] in PARTS and words[1] in map(str, range(1, 8))


def _published(part: pd.Series) -> pd.Series:
    """The benchmark's subsets for pictures in the order of their names."""
    subset = pd.Series("unseen", index=part.index)
    train = np.random.default_rng(DRAW).permutation(part.index[part == "train"].to_numpy())
    validation = round(VALIDATION * len(train))
    forget = round(FORGET * (len(train) - validation))
    subset[train] = "retain"
    subset[train[:validation]] = "validation"
    subset[train[validation : validation + forget]] = "forget"
    return subset
