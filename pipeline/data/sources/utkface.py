"""UTKFace (Zhang, Song and Qi 2017): age and gender in the names of the pictures; no identities, no split of its own.

Layout: `[age]_[gender]_[race]_[date].jpg` or `….jpg.chip.jpg`, in any folders. Five pictures of the original have odd
names: one has a blank and one no dot before `jpg`; three lack the gender or the race, nobody knows which (published
corrections differ), so their gender is unknown.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import numpy as np

from pipeline.data import people
from pipeline.data.sources import RawDataset, common, folder, synthetic

BOUNDS = (7, 13, 20, 31, 46, 56, 67)  # first year of life of each age group but the first: 0-6, 7-12, …, 67+
CLASSES = {"age": list(people.AGES), "gender": synthetic.CLASSES["gender"]}
NAME = re.compile(
    r"(?P<age>\d|[1-9]\d|1[01]\d)_(?P<gender>[01])_(?P<race>[0-4]_)?\d{8,} ?\.?jpg(?:\.chip\.jpg)?",
    re.IGNORECASE,
)
GENDERS = ("male", "female")  # as numbered in the names
UNKNOWN = -1
LOOKED_AT = 100  # names in each folder, to recognise


def recognises(root: Path) -> bool:
    """Whether most of the first pictures in the folder, or in a folder in it without a manifest, have such names."""
    below = (child for child in root.iterdir() if child.is_dir() and not folder.recognises(child))
    return any(_named_so(place) for place in (root, *below)) if root.is_dir() else False


def read(root: Path) -> RawDataset:
    """Read the names of all pictures; a note says how many lack a field.

    Raises:
        DataError: names that cannot be parsed, with their count and the first of them.
    """
    sources = common.pictures(root)
    matches = [NAME.fullmatch(source.rpartition("/")[2]) for source in sources]
    if bad := [source for source, match in zip(sources, matches, strict=True) if not match]:
        told = f"{len(bad)} picture(s) not named [age]_[gender]_[race]_[date].jpg: {common.first(bad)}"
        common.raise_for(root, "UTKFace", [f"{told}: rename or remove them"])
    parsed = [match for match in matches if match]
    classes = CLASSES["gender"]
    labels = {
        "age": np.digitize([int(match["age"]) for match in parsed], BOUNDS),
        "gender": np.array(
            [classes.index(GENDERS[int(match["gender"])]) if match["race"] else UNKNOWN for match in parsed]
        ),
    }
    lacking = [source for source, match in zip(sources, matches, strict=True) if match and not match["race"]]
    notes = (
        (f"{len(lacking)} name(s) lack the gender or the race, so their gender is unknown: {common.first(lacking)}",)
        if lacking
        else ()
    )
    return common.dataset("utkface", root, CLASSES, common.canonical(sources, labels), notes)


def _named_so(place: Path) -> bool:
    names = list(islice((path.name for path in place.iterdir() if common.is_picture(path.name)), LOOKED_AT))
    return sum(bool(NAME.fullmatch(name)) for name in names) > len(names) / 2
