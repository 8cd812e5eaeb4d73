"""erasure/erased.csv: whom and what nobody may bring back, by keyed hashes that say nothing without the salt.

A line is a kind and a digest: `person` (a key of `pipeline.pseudonyms`), `picture` (decoded, in its own size), `pixels`
(a row of the store), `file` (a raw file as it lies) or `weights` (a file of a model that remembers). The download stage
keeps persons and pictures out of the store, whatever the raw data brings back; `dlfd erase` and `dlfd scan` look for
all of them. The file is in git and only grows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import layout
from pipeline.erasure.files import replace
from pipeline.errors import EraseError

if TYPE_CHECKING:
    from pipeline.pseudonyms import Salt

COLUMNS = ("kind", "digest")
PERSON, PICTURE, PIXELS, FILE, WEIGHTS = KINDS = ("person", "picture", "pixels", "file", "weights")


@dataclass(frozen=True)
class Traces:
    """What is to be found nowhere: hashes in the clear, before they are entered.

    Attributes:
        persons: keys of the store.
        pictures: `store.content_hash` of pictures in their own size.
        pixels: `store.content_hash` of rows of the store.
        files: SHA-256 of raw files.
        weights: SHA-256 of files of models.
    """

    persons: frozenset[str] = frozenset()
    pictures: frozenset[str] = frozenset()
    pixels: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    weights: frozenset[str] = frozenset()

    def digests(self, salt: Salt) -> set[tuple[str, str]]:
        """Lines of the file."""
        hashes = {PICTURE: self.pictures, PIXELS: self.pixels, FILE: self.files, WEIGHTS: self.weights}
        found = {(kind, digest(salt, kind, one)) for kind, own in hashes.items() for one in own}
        return found | {(PERSON, salt.key(person)) for person in self.persons}


def digest(salt: Salt, kind: str, content: str) -> str:
    """Of a hash of some kind; tells which salt made it, as a person's key does."""
    return f"{salt.id}-{salt.digest(f'{kind}:{content}')[:32]}"


def read(path: Path = layout.ERASED) -> set[tuple[str, str]]:
    """All lines; none where there is no file.

    Raises:
        EraseError: the file is damaged.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return set()
    except (OSError, UnicodeDecodeError) as error:
        raise EraseError(f"{path} cannot be read ({error}): restore it from git") from None
    rows = list(csv.reader(io.StringIO(text)))
    if (tuple(rows[0]) if rows else ()) != COLUMNS or any(len(row) != 2 or row[0] not in KINDS for row in rows[1:]):
        raise EraseError(f"{path} is not a table of {','.join(COLUMNS)}: restore it from git")
    return {(kind, digest) for kind, digest in rows[1:]}


def of_persons(path: Path = layout.ERASED) -> set[str]:
    """Pseudonymous keys of erased persons.

    Raises:
        EraseError: the file is damaged.
    """
    return {digest for kind, digest in read(path) if kind == PERSON}


def add(lines: Iterable[tuple[str, str]], path: Path = layout.ERASED) -> None:
    """Enter lines, whole or not at all; those that are there already are not entered twice."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *sorted({*read(path), *lines})])
    replace(path, text.getvalue())


class Seal:
    """Looks things up among the erased; cheap where nothing is."""

    def __init__(self, lines: set[tuple[str, str]], salt: Salt | None) -> None:
        self._lines, self._salt = lines, salt

    def __bool__(self) -> bool:
        return bool(self._lines)

    def holds(self, kind: str, content: object) -> bool:
        """Whether a person's key or the hash of some kind is among the erased."""
        if self._salt is None:
            return False
        key = self._salt.key(content) if kind == PERSON else digest(self._salt, kind, str(content))
        return (kind, key) in self._lines


def seal(more: Traces = Traces(), path: Path = layout.ERASED) -> Seal:
    """What is erased, with the salt of this checkout where that is needed.

    Args:
        more: what is about to be.

    Raises:
        EraseError: the file is damaged, or another salt made its lines.
        SaltError: the salt is missing or damaged.
    """
    from pipeline import pseudonyms

    lines = read(path)
    if not lines and more == Traces():
        return Seal(lines, None)
    salt = pseudonyms.load(create=False)
    if not all(salt.made(digest) for _, digest in lines):
        raise EraseError(
            f"{path} has lines that another salt made than {salt.path}: without that one, erased persons cannot be "
            "told from others. Put it back, or say where it is with DLFD_SALT_FILE"
        )
    return Seal(lines | more.digests(salt), salt)
