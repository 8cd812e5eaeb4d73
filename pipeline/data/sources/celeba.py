"""CelebA-HQ with CelebA's identities, split as MUCAC (Choi and Na 2023): 30,000 pictures, three tasks of two classes.

Layout: CelebA-HQ-img/<index>.jpg, CelebAMask-HQ-attribute-anno.txt, CelebA-HQ-to-CelebA-mapping.txt and CelebA's
identity_CelebA.txt, each beside the others, in CelebAMask-HQ/ or in Anno/.

The published split: identities are numbered by first appearance in the order of CelebA-HQ's indices; below 190 is test,
below 1250 forget, below 4855 retain, the others unseen. It has no validation subset: the split takes one out of retain.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data.sources import RawDataset, common, synthetic

TITLE = "CelebA-HQ"
FOLDER = "CelebA-HQ-img"
ATTRIBUTES, MAPPING, IDENTITIES = (
    "CelebAMask-HQ-attribute-anno.txt",
    "CelebA-HQ-to-CelebA-mapping.txt",
    "identity_CelebA.txt",
)
PLACES = (".", "CelebAMask-HQ", "Anno")
TASKS = {"gender": "Male", "young": "Young", "smiling": "Smiling"}  # task: attribute, whose 1 is the second class
CLASSES = {task: synthetic.CLASSES[task] for task in TASKS}
SIDES = ("test", "forget", "retain", "unseen")
CUTS = (190, 1250, 4855)  # first identity of each side but the first


def recognises(root: Path) -> bool:
    """Whether one of CelebA-HQ's own two text files is there; `read` names what is missing."""
    return any(_find(root, name) is not None for name in (ATTRIBUTES, MAPPING))


def read(root: Path) -> RawDataset:
    """Join pictures, attributes, mapping and identities.

    Raises:
        DataError: one message with every problem: a file or attribute is missing, a line cannot be read, or a picture
            lacks its attributes, its original or its identity, or the other way round.
    """
    problems: list[str] = []
    folder, attributes, mapping, identities = _places(root)
    names = _pictures(folder)
    labels = _read_attributes(attributes, problems)
    persons = _read_persons(mapping, identities, problems)
    for table, where in ((names, FOLDER), (labels, ATTRIBUTES), (persons, MAPPING)):
        if (twice := table.index.duplicated()).any():
            problems.append(f"{where}: {twice.sum()} index(es) more than once: {common.first(table.index[twice])}")
    if not problems:
        problems += _unmatched(names.index, labels.index, FOLDER, ATTRIBUTES)
        problems += _unmatched(names.index, persons.index, FOLDER, MAPPING)
    common.raise_for(root, TITLE, problems)
    names, labels, persons = names.sort_index(), labels.sort_index(), persons.sort_index()
    table = common.canonical(
        f"{folder.relative_to(root).as_posix()}/" + names,
        {task: labels[task] for task in TASKS},
        person=persons,
        subset=published(persons),
    )
    return common.dataset("celeba", root, CLASSES, table)


def published(persons: pd.Series) -> pd.Series:
    """MUCAC's subset of each picture.

    Args:
        persons: [N] identities, in the order of CelebA-HQ's indices.
    """
    number, _ = pd.factorize(persons)
    return pd.Series(np.array(SIDES)[np.searchsorted(CUTS, number, side="right")], index=persons.index)


def _places(root: Path) -> list[Path]:
    """The folder of pictures and the three text files."""
    there = {name: _find(root, name) for name in (FOLDER, ATTRIBUTES, MAPPING, IDENTITIES)}
    looked = f"{root} or its CelebAMask-HQ/"
    common.raise_for(root, TITLE, [f"{name} not found in {looked}" for name, path in there.items() if path is None])
    return [path for path in there.values() if path is not None]


def _find(root: Path, name: str) -> Path | None:
    found = (root / place / name for place in PLACES)
    return next((path for path in found if (path.is_dir() if name == FOLDER else path.is_file())), None)


def _pictures(folder: Path) -> pd.Series:
    """Name of each picture by its index."""
    found = sorted(p.name for p in folder.iterdir() if re.fullmatch(r"[0-9]{1,9}\.jpg", p.name))
    return pd.Series(found, index=[int(name.removesuffix(".jpg")) for name in found], dtype=str)


def _read_attributes(path: Path, problems: list[str]) -> pd.DataFrame:
    """Labels of TASKS by index: lines of a count, of names, then of a picture's name and -1 or 1 for each name."""
    words, found = common.read_words(path)
    if found or len(words) < 3:
        problems += found or [f"{path.name} needs a line with the count, one with the attributes, and one a picture"]
        return pd.DataFrame(columns=list(TASKS))
    (count, *_), names, *lines = words
    lacking = [attribute for attribute in TASKS.values() if attribute not in names]
    rows, wrong = common.words_table(path, lines, ["picture", *names], skipped=2)
    problems += [f"{path.name} lacks the attribute(s) {', '.join(lacking)}"] if lacking else []
    problems += wrong
    if count != str(len(lines)):
        problems.append(f"{path.name}: the first line says {count} pictures, {len(lines)} follow: is it cut short?")
    if lacking or wrong:
        return pd.DataFrame(columns=list(TASKS))
    values = rows[list(TASKS.values())]
    if (bad := ~values.isin(["-1", "1"]).all(axis=1)).any():
        problems.append(
            f"{path.name}: {bad.sum()} row(s) with values other than -1 and 1: {common.first(rows['picture'][bad])}"
        )
    labels = (values == "1").astype(int).set_axis(list(TASKS), axis=1)
    return _by_index(labels, rows["picture"].str.removesuffix(".jpg"), path, problems)


def _read_persons(mapping: Path, identities: Path, problems: list[str]) -> pd.Series:
    """Identity of each picture by its index."""
    (mapped, found), (known, also) = (common.read_words(path) for path in (mapping, identities))
    if found or also:
        problems += [*found, *also]
        return pd.Series(dtype=str)
    rows, wrong = common.words_table(mapping, mapped[1:], ("idx", "orig_idx", "orig_file"), skipped=1)
    persons, also = common.words_table(identities, known, ("orig_file", "identity"))
    problems += [*wrong, *also]
    if wrong or also:
        return pd.Series(dtype=str)
    identity = rows["orig_file"].map(persons.set_index("orig_file")["identity"])
    if (absent := identity.isna()).any():
        told = common.first(rows["orig_file"][absent])
        remedy = "it must be the list of all of CelebA (202,599 lines)"
        problems.append(f"{identities.name}: {absent.sum()} picture(s) without an identity: {told}: {remedy}")
    return _by_index(identity.to_frame(), rows["idx"], mapping, problems)["orig_file"]


def _by_index(table: pd.DataFrame, index: pd.Series, path: Path, problems: list[str]) -> pd.DataFrame:
    """The table with whole numbers as its index."""
    if not (whole := index.str.fullmatch(r"0|[1-9]\d{0,8}")).all():
        problems.append(
            f"{path.name}: {(~whole).sum()} row(s) without a CelebA-HQ index: {common.first(index[~whole])}"
        )
        return table
    return table.set_axis(pd.Index(index.astype(int)), axis=0)


def _unmatched(a: pd.Index, b: pd.Index, one: str, other: str) -> list[str]:
    """What is in one file but not in another, both ways."""
    pairs = ((a.difference(b), one, other), (b.difference(a), other, one))
    return [
        f"{len(gone)} picture(s) of {there} not in {where}: {common.first(f'{number}.jpg' for number in gone)}"
        for gone, there, where in pairs
        if len(gone)
    ]
