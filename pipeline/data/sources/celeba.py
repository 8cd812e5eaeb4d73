"""MUCAC on CelebA-HQ (Choi & Na, 2023): 30,000 celebrities' pictures with identity, gender, young and smiling.

Layout, with the file names of the data sets: a folder of `<index>.jpg` (`CelebA-HQ-img/`, or another with such
names), and the text files CelebAMask-HQ-attribute-anno.txt (attributes, 1 or -1), CelebA-HQ-to-CelebA-mapping.txt
(which CelebA picture each one is) and identity_CelebA.txt (who that shows; it may list more pictures than there are).

Its split: identities are numbered by their first appearance in the numeric order of CelebA-HQ; numbers below 190 are
test, below 1,250 forget, below 4,855 retain, the others unseen. It has no validation subset; `pipeline.data.splits`
takes one from retain.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data.sources import RawDataset
from pipeline.data.sources.common import canonical, first, pictures, reader, refuse

ATTRIBUTES, MAPPING, IDENTITY = (
    "CelebAMask-HQ-attribute-anno.txt",
    "CelebA-HQ-to-CelebA-mapping.txt",
    "identity_CelebA.txt",
)
TASKS = {"gender": "Male", "young": "Young", "smiling": "Smiling"}
CLASSES = {"gender": ["female", "male"], "young": ["not_young", "young"], "smiling": ["not_smiling", "smiling"]}
BOUNDS, SUBSETS = (190, 1250, 4855), np.array(["test", "forget", "retain", "unseen"])
NAME = re.compile(r"^(\d+)\.\w+$", re.ASCII)


def recognises(root: Path) -> bool:
    """Whether any of the three text files is there; `read` names those that are missing."""
    return any(_find(root, name) for name in (ATTRIBUTES, MAPPING, IDENTITY))


def read(root: Path) -> RawDataset:
    """Join pictures, attributes, mapping and identities.

    Raises:
        DataError: a file or column is missing, a line cannot be understood, or a picture has no row in one of them.
    """
    problems: list[str] = []
    folder = _folder(root)
    files = {name: _find(root, name) for name in (ATTRIBUTES, MAPPING, IDENTITY)}
    problems += [f"{name} not found" for name, path in files.items() if path is None]
    if folder is None:
        problems.append("no folder of pictures named <index>.jpg, such as CelebA-HQ-img/")
    refuse(root, "CelebA-HQ", problems)
    assert folder is not None
    names = [name for name in pictures(folder) if NAME.match(name)]
    table = pd.DataFrame({"index": [int(name.split(".")[0]) for name in names], "name": names}).sort_values("index")
    labels = _attributes(_lines(files[ATTRIBUTES]), problems)
    person = _identities(_lines(files[MAPPING]), _lines(files[IDENTITY]), problems)
    refuse(root, "CelebA-HQ", problems)
    for what, known in ((ATTRIBUTES, labels.index), (f"{MAPPING} and {IDENTITY}", person.index)):
        if (absent := ~table["index"].isin(known)).any():
            problems.append(f"{absent.sum()} picture(s) without a row in {what}: {first(table['name'][absent])}")
    refuse(root, "CelebA-HQ", problems)
    who = person.loc[table["index"]]
    rows = canonical(
        {
            "source": (folder.relative_to(root).as_posix() + "/" + table["name"]).str.removeprefix("./").to_numpy(),
            "person": "id" + who.astype(str).to_numpy(dtype=object),
            "published_subset": published(who.to_numpy()),
            **{task: labels.loc[table["index"], task].to_numpy() for task in TASKS},
        }
    )
    return RawDataset(name="celeba", classes=CLASSES, table=rows, image=reader(root, rows))


def published(identities: np.ndarray) -> np.ndarray:
    """The benchmark's subset [N] of pictures in the numeric order of CelebA-HQ, by their identities [N]."""
    numbers, _ = pd.factorize(identities)  # by first appearance
    return np.asarray(SUBSETS[np.searchsorted(BOUNDS, numbers, side="right")])


def _find(root: Path, name: str) -> Path | None:
    return next((path for path in (root / name, *sorted(root.glob(f"*/{name}"))) if path.is_file()), None)


def _folder(root: Path) -> Path | None:
    """The folder with the most pictures named by a number, here or up to two folders down."""
    places = [root, *(path for pattern in ("*", "*/*") for path in sorted(root.glob(pattern)) if path.is_dir())]
    counts = [sum(bool(NAME.match(name)) for name in pictures(place)) for place in places]
    return places[int(np.argmax(counts))] if max(counts) else None


def _lines(path: Path | None) -> list[list[str]]:
    assert path is not None
    return [line.split() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]


def _attributes(lines: list[list[str]], problems: list[str]) -> pd.DataFrame:
    """Labels 0 or 1 by index. The first line counts, the second names the columns."""
    header = lines[1] if len(lines) > 1 else []
    if missing := [name for name in TASKS.values() if name not in header]:
        problems.append(f"{ATTRIBUTES} lacks the column(s) {', '.join(missing)} in its second line")
        return pd.DataFrame()
    rows = lines[2:]
    if wrong := [number for number, row in enumerate(rows, 3) if len(row) != len(header) + 1 or not NAME.match(row[0])]:
        problems.append(
            f"{ATTRIBUTES}: {len(wrong)} line(s) that are no `0.jpg` with {len(header)} values: line {first(wrong)}"
        )
        return pd.DataFrame()
    table = pd.DataFrame({task: [row[header.index(name) + 1] for row in rows] for task, name in TASKS.items()})
    if not (known := table.isin(["1", "-1"])).all(axis=None):
        problems.append(
            f"{ATTRIBUTES}: value(s) other than 1 and -1: {first(sorted(set(table.to_numpy()[~known.to_numpy()])))}"
        )
    table.index = pd.Index([int(row[0].split(".")[0]) for row in rows])
    return (table == "1").astype(int)


def _identities(mapping: list[list[str]], identity: list[list[str]], problems: list[str]) -> pd.Series:
    """Identity by CelebA-HQ index; without those whose CelebA picture has none."""
    mapping = [row for row in mapping if row[0].isdigit()]  # its first line names the columns
    for name, rows, width in ((MAPPING, mapping, 3), (IDENTITY, identity, 2)):
        if wrong := [" ".join(row) for row in rows if len(row) != width]:
            problems.append(f"{name}: {len(wrong)} line(s) without {width} values: {first(wrong)}")
            return pd.Series(dtype=object)
    who = dict(identity)
    return pd.Series({int(index): who[file] for index, _, file in mapping if file in who}, dtype=object)
