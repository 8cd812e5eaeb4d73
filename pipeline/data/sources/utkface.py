"""UTKFace (Zhang, Song & Qi, CVPR 2017): faces whose names tell age and gender, [age]_[gender]_[race]_[date&time].jpg.

Pictures may lie in folders. In three real names the race is missing, which we do not read anyway; a name without age or
gender is refused. No identities, and no split of its own. Ages fall into eight groups.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from pipeline.data.sources import RawDataset
from pipeline.data.sources.common import PICTURES, canonical, first, reader, refuse

BOUNDS = (3, 10, 20, 30, 40, 50, 65)  # a group ends before each of them; ages in years
AGES = ["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-64", "65+"]
GENDERS = ["female", "male"]  # the names say 0 for male
NAME = re.compile(r"^(\d{1,3})_([01])_(?:[0-4]_)?\d{8,}\.", re.ASCII)
LOOKS_LIKE = re.compile(r"^\d{1,3}_\d_(\d_)?\d{8,}\.", re.ASCII)


def recognises(root: Path) -> bool:
    """Whether the first picture found, here or one folder down, has such a name."""
    found = (path for pattern in ("*", "*/*") for path in sorted(root.glob(pattern)) if path.suffix.lower() in PICTURES)
    return any(LOOKS_LIKE.match(path.name) for path in [next(found, Path())])


def read(root: Path) -> RawDataset:
    """Read ages and genders from the names.

    Raises:
        DataError: a picture's name lacks age or gender.
    """
    paths = sorted(path.relative_to(root) for path in root.rglob("*") if path.suffix.lower() in PICTURES)
    told = [NAME.match(path.name) for path in paths]
    problems = []
    if wrong := [str(path) for path, match in zip(paths, told, strict=True) if not match]:
        rule = "[age]_[gender 0|1]_[race]_[date&time].jpg"
        problems.append(f"{len(wrong)} picture(s) whose name is not {rule}: {first(wrong)}; rename or remove them")
    refuse(root, "UTKFace", problems)
    years = np.array([int(match[1]) for match in told if match])
    table = canonical(
        {
            "source": [path.as_posix() for path in paths],
            "age": np.searchsorted(BOUNDS, years, side="right"),
            "gender": [1 - int(match[2]) for match in told if match],
        }
    )
    return RawDataset(name="utkface", classes={"age": AGES, "gender": GENDERS}, table=table, image=reader(root, table))
