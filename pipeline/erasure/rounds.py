"""Rounds of forgetting: what a round starts from, and who stays held out from one round to the next.

erasure/round.json names the model in service that a round starts from (`unlearn.start_from: champion`) and the requests
that it has forgotten: their persons are forgotten *earlier*, only the others are new. It is written when a round
begins and not when a model is promoted, so that after a promotion there is nothing to do, and it is in git, so that
DVC sees when the start changes.

erasure/sides.csv has the side on which every person was when the model in service was made. A split follows it: were
persons drawn anew, after some are erased or added, a model would be tested on persons whom it has learned.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import layout
from pipeline.erasure.files import replace
from pipeline.errors import ConfigError, RequestError
from pipeline.settings import CHAMPION

if TYPE_CHECKING:
    from pipeline.pseudonyms import Salt

COLUMNS = ("person", "side")
SIDES = ("retain", "forget", "validation", "pool")  # as drawn; forget: at random, where nobody asks


@dataclass(frozen=True)
class Base:
    """The model that a round starts from.

    Attributes:
        model: registered name and version, such as `unlearned-face-classifier/3`; empty where no round has begun.
        weights_sha256: of its model.safetensors.
        requests: ids of those that it has forgotten, sorted.
    """

    model: str = ""
    weights_sha256: str = ""
    requests: list[str] = field(default_factory=list)


def read(path: Path = layout.ROUND) -> Base:
    """What round.json says; an empty one where it is missing.

    Raises:
        RequestError: it is damaged.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Base(str(told["model"]), str(told["weights_sha256"]), sorted(map(str, told["requests"])))
    except FileNotFoundError:
        return Base()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{path} cannot be read ({error}): restore it with `git checkout {path}`") from None


def base_of(start_from: str, path: Path = layout.ROUND) -> Base | None:
    """The model that this round starts from; None for the original.

    Args:
        start_from: of `unlearn:` in params.yaml.

    Raises:
        ConfigError: it is to start from the model in service, and no round has begun.
    """
    if start_from != CHAMPION:
        return None
    base = read(path)
    if not base.model:
        raise ConfigError(
            f"unlearn.start_from is {CHAMPION}, but {path} names no model: begin a round with `dlfd round start`, "
            "which takes the one in service, or set unlearn.start_from: original"
        )
    return base


def write(base: Base, path: Path = layout.ROUND) -> None:
    """Write round.json, whole or not at all."""
    replace(path, json.dumps(asdict(base), indent=2) + "\n")


def read_sides(path: Path = layout.SIDES) -> dict[str, str]:
    """Person key (pseudonymous, or as the file has it) -> side; empty where nothing is kept.

    Raises:
        RequestError: the file is damaged.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    rows = list(csv.reader(io.StringIO(text)))
    if (tuple(rows[0]) if rows else ()) != COLUMNS or any(len(row) != 2 or row[1] not in SIDES for row in rows[1:]):
        raise RequestError(f"{path} cannot be read as {','.join(COLUMNS)}: restore it with `git checkout {path}`")
    return {row[0]: row[1] for row in rows[1:]}


def write_sides(sides: Mapping[str, str], path: Path = layout.SIDES) -> None:
    """Write sides.csv, in the order of the keys."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *sorted(sides.items())])
    replace(path, text.getvalue())


def pseudonymous(sides: Mapping[str, str], salt: Salt) -> dict[str, str]:
    """Sides by pseudonymous key."""
    return {salt.key(person): side for person, side in sides.items()}


def own_sides(persons: list[str], salt: Salt, path: Path = layout.SIDES) -> dict[str, str]:
    """Person of a store -> side, of those whose side is kept.

    Raises:
        RequestError: the file is damaged, or another salt made its keys.
    """
    kept = read_sides(path)
    if not kept:
        return {}
    if not any(salt.made(key) for key in kept):
        raise RequestError(f"{path} was written with another salt than {salt.path}: put that back. See docs/erasure.md")
    return {person: kept[key] for person in persons if (key := salt.key(person)) in kept}
