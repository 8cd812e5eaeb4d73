"""Is anything of the erased left? Every file is looked into by what it holds, whatever its name.

- any file: its SHA-256, against raw files and models that were removed;
- pictures (JPEG, PNG, BMP, WebP, GIF, TIFF, PPM), those in base64 within pages and JSON as well, and arrays of
  pictures (.npy): the decoded pixels, as in the store and in their own size;
- Parquet and CSV tables, JSON: person keys, and hashes of pictures;
- archives (zip, tar, .npz, .pt2, .pth), three deep: their members, by the same rules.

A picture that was cropped, resized otherwise or encoded with loss has another hash: this finds copies, not likenesses.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from pipeline.data.removal_tables import STAND_IN
from pipeline.data.store import content_hash
from pipeline.erasure import texts
from pipeline.erasure.tombstones import FILE, PERSON, PICTURE, PIXELS, WEIGHTS, Seal

SKIPPED = (".git", ".venv", ".ci-venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
NESTED = 3  # archives in archives
LONGEST_KEY, SHORTEST_PICTURE = 256, 64  # characters of a string in JSON
LONGEST_TEXT = 256 * 2**20  # bytes of a text that is looked into


@dataclass
class Report:
    """What was looked at and found.

    Attributes:
        files: how many, and `size` of them in bytes.
        pictures: decoded or of arrays.
        members: of archives.
        tables: with persons or contents.
        found: sentences, `path: what`.
        unread: files that could not be looked into, with the reason.
    """

    files: int = 0
    size: int = 0
    pictures: int = 0
    members: int = 0
    tables: int = 0
    found: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def scan(places: Iterable[Path], seal: Seal, advance: Callable[[], None] = lambda: None) -> Report:
    """Look into every file below some places, each once.

    Args:
        seal: what is erased.
        advance: called after each file.
    """
    report = Report()
    seen: set[tuple[int, int]] = set()
    for path in walk(places, lambda error: report.unread.append(f"{error.filename}: {error.strerror}")):
        try:
            about = path.stat()
            if (about.st_dev, about.st_ino) in seen:  # a hard link
                continue
            seen.add((about.st_dev, about.st_ino))
            report.files += 1
            report.size += about.st_size
            with path.open("rb") as file:
                for kind in sorted(_File(seal, report).looked_into(file, path)):
                    report.found.append(f"{path}: {kind}")
        except OSError as error:
            report.unread.append(f"{path}: {error.strerror or error}")
        advance()
    return report


def walk(places: Iterable[Path], refused: Callable[[OSError], None] = lambda error: None) -> Iterator[Path]:
    """Files below some places, without what SKIPPED names, each place once; links are not followed.

    Args:
        refused: called with the error of each folder that may not be read.
    """
    done: list[Path] = []
    for place in sorted({one.resolve() for one in places}):
        if any(place.is_relative_to(other) for other in done):
            continue
        done.append(place)
        if place.is_file():
            yield place
        for where, folders, names in os.walk(place, onerror=refused):
            folders[:] = sorted(name for name in folders if name not in SKIPPED)
            yield from (path for name in sorted(names) if not (path := Path(where) / name).is_symlink())


class _File:
    """Looks into one file; what it finds are sentences without the name of the file."""

    def __init__(self, seal: Seal, report: Report) -> None:
        self.seal, self.report = seal, report
        self.found: set[str] = set()

    def looked_into(self, file: IO[bytes], path: Path, depth: int = 0) -> set[str]:
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        self._note(FILE, digest, "a raw file of an erased person")
        self._note(WEIGHTS, digest, "a model that remembers")
        file.seek(0)
        start = file.read(265)
        file.seek(0)
        self._try(path, partial(self._contents, file, start, path, depth))
        return self.found

    def _try(self, path: Path, look: Callable[[], None]) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                look()
        except Exception as error:  # of whichever decoder: the file is not what it seems to be, or damaged
            self.report.unread.append(f"{path}: {type(error).__name__}: {' '.join(str(error).split())[:120]}")

    def _note(self, kind: str, content: object, what: str) -> None:
        if self.seal.holds(kind, content):
            self.found.add(what)

    def _contents(self, file: IO[bytes], start: bytes, path: Path, depth: int) -> None:
        if start.startswith(b"\x93NUMPY"):
            self._array(np.load(path, mmap_mode="r") if depth == 0 else np.load(file, allow_pickle=False))
        elif texts.is_picture(start) and self._picture(file):
            return
        elif start.startswith(b"PAR1"):
            import pandas as pd

            table = pd.read_parquet(file)
            self._table(table, table.index.to_frame())  # a key may be the index
        elif start.startswith(b"PK"):
            if depth < NESTED:
                self._zip(file, path, depth)
        elif start[257:262] == b"ustar" or start.startswith(PACKED):
            if depth < NESTED:
                self._tar(file, path, depth)
        elif b"\0" not in start:
            file.seek(0)
            self._text(file, path)

    def _array(self, array: np.ndarray) -> None:
        if array.dtype != np.uint8 or array.ndim not in (3, 4) or array.shape[-1] != 3:
            return
        for pixels in array if array.ndim == 4 else array[None]:
            self._pixels(np.asarray(pixels))

    def _pixels(self, pixels: np.ndarray) -> None:
        self.report.pictures += 1
        content = content_hash(pixels)
        self._note(PICTURE, content, "a picture of an erased person")
        self._note(PIXELS, content, "a picture of an erased person, as in the store")

    def _picture(self, file: IO[bytes]) -> bool:
        """False where it only begins like one."""
        from PIL import Image, UnidentifiedImageError

        from pipeline.data import images

        data = file.read()
        try:
            Image.open(io.BytesIO(data), formats=images.FORMATS).close()
        except UnidentifiedImageError:
            return False
        self._pixels(images.decode(data))  # as for the store, or its hash would be another one
        return True

    def _table(self, *parts: Any) -> None:
        told = [(part, name) for part in parts for name in part if texts.column(name) in (*texts.KEYS, *texts.CONTENTS)]
        self.report.tables += bool(told)
        for part, name in told:
            for value in part[name].astype(str).unique():
                self._cell(texts.column(name), value)

    def _cell(self, name: str, value: str) -> None:
        if value == STAND_IN:
            return
        if name in texts.CONTENTS:
            self._note(PICTURE, value, f"the hash of an erased picture, in column {name}")
        else:
            self._note(PERSON, value, f"the key of an erased person, in column {name}")

    def _text(self, file: IO[bytes], path: Path) -> None:
        data = file.read(LONGEST_TEXT)
        if file.read(1):
            self.report.unread.append(f"{path}: longer than {LONGEST_TEXT >> 20} MiB, no more of it was read")
        if not self._json(data, path):
            self._try(path, partial(self._csv, data))
            if b"data:image/" in data:
                self._encoded(texts.DATA_URI.findall(data.decode("utf-8", "replace")), path)

    def _csv(self, data: bytes) -> None:
        known = False
        for name, value in texts.cells(data):
            self._cell(name, value)
            known = True
        self.report.tables += known

    def _json(self, data: bytes, path: Path) -> bool:
        """False where it is none. A number is too common to be somebody's key wherever it stands."""
        known, seen = False, set[tuple[str, str]]()
        for document in texts.documents(data):
            known = True
            for name, value in texts.strings(document):
                if len(value) >= SHORTEST_PICTURE:
                    self._encoded(texts.pictures(value), path)
                if len(value) <= LONGEST_KEY and (name, value) not in seen:
                    seen.add((name, value))
                    self._string(texts.column(name), value)
        return known

    def _string(self, name: str, value: str) -> None:
        if name in texts.CONTENTS:
            self._note(PICTURE, value, "the hash of an erased picture, in JSON")
        elif name in texts.KEYS or not value.isdigit():
            self._note(PERSON, value, "the key of an erased person, in JSON")

    def _encoded(self, pictures: Iterable[str], path: Path) -> None:
        for text in pictures:  # one that is damaged hides no other
            self._try(path, partial(self._decoded, text))

    def _decoded(self, text: str) -> None:
        self._picture(io.BytesIO(base64.b64decode(text)))

    def _zip(self, file: IO[bytes], path: Path, depth: int) -> None:
        with zipfile.ZipFile(file) as packed:
            for member in packed.infolist():
                if not member.is_dir():
                    self._member(packed.read(member), path / member.filename, depth)

    def _tar(self, file: IO[bytes], path: Path, depth: int) -> None:
        with tarfile.open(fileobj=file, mode="r:*") as packed:
            for member in packed:
                if member.isfile() and (taken := packed.extractfile(member)):
                    self._member(taken.read(), path / member.name, depth)

    def _member(self, data: bytes, path: Path, depth: int) -> None:
        self.report.members += 1
        self.looked_into(io.BytesIO(data), path, depth + 1)
