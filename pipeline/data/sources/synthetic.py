"""The embedded data set: faces drawn by this repository's own code, described by a few lines of YAML.

Layout: one file, `dataset.yaml`, with `kind: synthetic` and the keys of `Descriptor`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data import faces, people
from pipeline.data.sources import RawDataset
from pipeline.errors import DataError

DESCRIPTOR = "dataset.yaml"
KIND = "synthetic"
CLASSES = {
    "age": list(people.AGES),
    "emotion": list(people.EMOTIONS),
    "gender": list(people.GENDERS),
    "young": ["not_young", "young"],
    "smiling": ["not_smiling", "smiling"],
}
_BOUNDS = {  # key: lowest and highest value
    "seed": (0, 2**63 - 1),
    "persons": (1, 1_000_000),
    "images_per_person": (1, 10_000),
    "image_size": (16, 512),
}


@dataclass(frozen=True)
class Descriptor:
    """What `dataset.yaml` says; a missing key has the value given here. `image_size` is in pixels a side."""

    seed: int = 0
    persons: int = 1400
    images_per_person: int = 3
    image_size: int = 48


def recognises(root: Path) -> bool:
    """Whether the folder holds a descriptor. Any `kind` will do: `read` explains an unknown one."""
    return (root / DESCRIPTOR).is_file()


def read(root: Path) -> RawDataset:
    """The table of all faces; a picture is drawn when it is asked for.

    Raises:
        DataError: the descriptor is no YAML mapping, of another kind, or a key is unknown, of the wrong type or out
            of range; one message names every problem.
    """
    what = read_descriptor(root / DESCRIPTOR)
    rows = [
        {
            "person": f"p{number:04d}",
            "source": f"p{number:04d}/{picture:02d}",
            "published_subset": "",
            **labels,
        }
        for number in range(what.persons)
        for subject in [people.person(what.seed, number)]
        for picture in range(what.images_per_person)
        for labels in [people.shot(what.seed, number, picture, subject)[1]]
    ]

    def image(row: int) -> np.ndarray:
        return draw(what.seed, *divmod(int(row), what.images_per_person), what.image_size)

    return RawDataset(name=KIND, classes=CLASSES, table=pd.DataFrame(rows), image=image)


def draw(seed: int, number: int, picture: int, size: int) -> np.ndarray:
    """Picture `picture` of person `number`: uint8 [size, size, 3] RGB, a function of these four alone."""
    subject = people.person(seed, number)
    return faces.portrait(subject, people.shot(seed, number, picture, subject)[0], size)


def read_descriptor(path: Path) -> Descriptor:
    """Read and check a descriptor.

    Raises:
        DataError: see `read`.
    """
    import yaml

    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path} is not valid YAML ({reason}): mend it, or restore it with `git checkout`") from None
    if not isinstance(raw, dict):
        raise DataError(f"{path} must be a mapping such as `kind: {KIND}` and `seed: 0`, one key a line")
    if raw.get("kind") != KIND:
        raise DataError(f"{path}: kind: unknown kind {raw.get('kind')!r}; the only known one is `kind: {KIND}`")
    given = {key: value for key, value in raw.items() if key != "kind"}
    problems = [problem for key, value in given.items() if (problem := _problem(key, value))]
    if problems:
        raise DataError("\n".join(f"{path}: {problem}" for problem in problems))
    return Descriptor(**given)


def _problem(key: Any, value: Any) -> str | None:
    """What is wrong with one key, and what to write instead."""
    known = [field.name for field in fields(Descriptor)]
    if key not in known:
        close = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean `{close[0]}`?" if close else "remove it."
        return f"{key}: unknown key; {hint} Known: kind, {', '.join(known)}"
    low, high = _BOUNDS[key]
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        return f"{key}: must be a whole number from {low} to {high}, not {value!r}"
    return None
