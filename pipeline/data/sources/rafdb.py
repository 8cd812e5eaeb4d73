"""RAF-DB (Real-world Affective Faces, Li and Deng 2017), basic emotions: 12,271 + 3,068 pictures, no identities.

Layout: train/<1..7>/ and test/<1..7>/, or list_patition_label.txt (so spelt; also in EmoLabel/) with lines such as
`train_00001.jpg 5`, its pictures in Image/aligned/ or beside it, named as in the list or train_00001_aligned.jpg.

The published split is the protocol of the DLFD paper (arXiv 2409.14747): 90 % of train is trained on, the other 10 % is
validation; a random 30 % of the 90 % is forgotten; test is unseen. The paper gives no list, so the draw is ours: fixed,
and a function of the pictures' names alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from pipeline.data import people
from pipeline.data.sources import RawDataset, common

EMOTIONS = list(people.EMOTIONS)  # 1 surprise, 2 fear, 3 disgust, 4 happiness, 5 sadness, 6 anger, 7 neutral
CODES = [str(code) for code in range(1, len(EMOTIONS) + 1)]
PARTS = ("train", "test")
LISTS = ("list_patition_label.txt", "list_partition_label.txt")
PLACES = ("Image/aligned", "aligned", "Image/original", "original", "Image", ".", "EmoLabel")  # the first has it
SEED = 0  # of the published draw; another one is another benchmark


def recognises(root: Path) -> bool:
    """Whether the official list or a folder of an emotion is there."""
    return _list(root) is not None or any((root / part / code).is_dir() for part in PARTS for code in CODES)


def read(root: Path) -> RawDataset:
    """Read the folders, or the list where there are none.

    Raises:
        DataError: one message with every problem: a part is missing, a folder or label is no emotion from 1 to 7, a
            folder is empty, a line cannot be read, a picture is listed twice or not there.
    """
    problems: list[str] = []
    listed = None if any((root / part).is_dir() for part in PARTS) else _list(root)
    rows = _read_folders(root, problems) if listed is None else _read_list(root, listed, problems)
    common.raise_for(root, "RAF-DB", problems)
    labels = {"emotion": rows["code"].map(CODES.index)}
    table = common.canonical(rows["source"], labels, subset=_published(rows))
    return common.dataset("rafdb", root, {"emotion": EMOTIONS}, table)


def _list(root: Path) -> Path | None:
    candidates = [root / place / name for place in (".", "EmoLabel") for name in LISTS]
    return next((path for path in candidates if path.is_file()), None)


def _read_folders(root: Path, problems: list[str]) -> pd.DataFrame:
    """Rows `source`, `part`, `code`, in order of names."""
    sources: list[str] = []
    for part in PARTS:
        if not (root / part).is_dir():
            problems.append(f"{root / part} not found")
            continue
        there = sorted(p.name for p in (root / part).iterdir() if p.is_dir() and not p.name.startswith("."))
        if unknown := [name for name in there if name not in CODES]:
            problems.append(
                f"{part}/: {len(unknown)} folder(s) that are no emotion from 1 to 7: {common.first(unknown)}"
            )
        found = {code: common.pictures(root / part / code) for code in CODES}
        if empty := [code for code, names in found.items() if not names]:
            problems.append(f"{part}/: {len(empty)} emotion(s) without pictures: {common.first(empty)}")
        sources += [f"{part}/{code}/{name}" for code, names in found.items() for name in names]
    words = [[source, *source.split("/")[:2]] for source in sources]
    return pd.DataFrame(words, columns=["source", "part", "code"], dtype=str)


def _read_list(root: Path, path: Path, problems: list[str]) -> pd.DataFrame:
    """Rows `source`, `part`, `code`, in order of the list."""
    words, found = common.read_words(path)
    rows, wrong = common.words_table(path, words, ("name", "code"))
    problems += [*found, *wrong]
    rows["part"] = rows["name"].str.split("_").str[0]
    for column, known, told in (
        ("part", PARTS, "name other than train_… or test_…"),
        ("code", CODES, "label other than 1 to 7"),
    ):
        if (unknown := ~rows[column].isin(known)).any():
            named = common.first(rows["name"][unknown] + " " + rows["code"][unknown])
            problems.append(f"{path.name}: {unknown.sum()} line(s) with a {told}: {named}")
    if not problems and (missing := sorted(set(PARTS) - set(rows["part"]))):
        problems.append(f"{path.name} lists no picture of {', '.join(missing)}")
    there = {place: {p.name for p in (root / place).iterdir()} for place in PLACES if (root / place).is_dir()}
    rows["source"] = [_place(name, there) for name in rows["name"]]
    if (absent := rows["source"] == "").any():
        names = common.first(rows["name"][absent])
        remedy = "unpack RAF-DB's aligned.zip into Image/aligned/"
        problems.append(f"{path.name}: {absent.sum()} picture(s) not in Image/aligned/ or beside it: {names}: {remedy}")
    if (twice := ~absent & rows["source"].duplicated()).any():
        problems.append(f"{path.name}: {twice.sum()} picture(s) listed twice: {common.first(rows['source'][twice])}")
    return rows


def _place(name: str, there: dict[str, set[str]]) -> str:
    """Where a listed picture lies, relative to the root; empty if nowhere."""
    stem, dot, suffix = name.rpartition(".")
    candidates = (f"{stem}_aligned{dot}{suffix}", name)
    found = ((place, file) for place, names in there.items() for file in candidates if file in names)
    return next(((Path(place) / file).as_posix() for place, file in found), "")


def _published(rows: pd.DataFrame) -> pd.Series:
    """Subset of each row. Pictures are drawn in the order of a hash of SEED and name, the same in both layouts."""
    names = rows["source"].str.rpartition("/")[2].str.replace(r"(_aligned)?\.\w+$", "", regex=True)
    drawn = pd.DataFrame({"hash": [hashlib.sha256(f"{SEED}/{name}".encode()).hexdigest() for name in names]})
    order = drawn.assign(source=rows["source"]).sort_values(["hash", "source"]).index
    train = order[(rows["part"] == "train")[order]]
    trained = len(train) * 9 // 10
    subset = pd.Series("unseen", index=rows.index)
    subset[train] = "validation"
    subset[train[:trained]] = "retain"
    subset[train[: trained * 3 // 10]] = "forget"
    return subset
