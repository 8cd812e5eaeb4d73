"""Taking pictures out of raw data for good: out of a folder, or out of the archives that hold it.

What is left is built beside it and read once as the download stage would, before it takes the old one's place. Lines of
text tables that name a removed picture go with it. Where the layout does not let them (CelebA's numbered tables, the
last picture of a class), each picture is replaced by a black one instead, and the tables stay; a manifest's persons
become STAND_IN. What is done to tables is in `pipeline.data.removal_tables`.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from pipeline.data import archives, raw, sources
from pipeline.data.removal_tables import STAND_IN, drop_records, ends, unname
from pipeline.data.sources import synthetic
from pipeline.data.sources.common import files
from pipeline.errors import DataError
from pipeline.hashes import file_hash

BLACK = (8, 8)  # pixels of what stands in for a picture where tables cannot lose its line
DRAFT, REST, OLD, UNPACKED = "draft", "rest", "erased", "unpacked"  # `_beside` a place, while it is rewritten


@dataclass(frozen=True)
class Pictures:
    """Raw files that show some persons.

    Attributes:
        paths: relative to the data set's folder (of archives: to where they are unpacked), sorted.
        hashes: SHA-256 of each.
        size: of all, in bytes.
    """

    paths: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    size: int = 0


def find(place: Path, scratch: Path, erased: Callable[[str], bool]) -> Pictures:
    """Raw files of erased persons; none where pictures are drawn from a description.

    Args:
        place: a folder or archive, as `pipeline.data.raw.opened` takes it.
        scratch: for unpacking.
        erased: whether a person key is of one.

    Raises:
        DataError: `place` cannot be read as a data set, or a picture of theirs is a link.
    """
    with raw.opened(place, scratch) as root:
        return _pictures(root, erased)


def remove(place: Path, erased: Callable[[str], bool]) -> bool:
    """Take the pictures of erased persons out of a folder or archive. A killed run is finished by the next.

    Returns:
        Whether tables still name them, and black pictures stand in their places.

    Raises:
        DataError: `place` cannot be read as a data set, or is no longer one without them.
        OSError: it cannot be written, or an old file cannot be deleted.
    """
    finish(place)
    rewrite = _remove_from_folder if raw.find(place) else _remove_from_archives
    blank = rewrite(place, erased)
    finish(place)
    return blank


def _pictures(root: Path, erased: Callable[[str], bool]) -> Pictures:
    table = sources.read(root).table
    if synthetic.recognises(root):
        return Pictures()
    named = sorted(table.loc[table["person"].map(lambda person: erased(str(person))), "source"])
    paths = [path for path in named if not _is_black(root / path)]  # all alike: as traces they would name each other
    if linked := [path for path in paths if (root / path).resolve() != root.resolve() / path]:
        told = f"{root / linked[0]} is a link to {(root / linked[0]).resolve()}, where the picture would stay"
        raise DataError(f"{told}: put the files themselves in the places of {len(linked)} link(s)")
    hashes = [file_hash(root / path) for path in paths]
    return Pictures(paths, hashes, sum((root / path).stat().st_size for path in paths))


def _remove_from_folder(place: Path, erased: Callable[[str], bool]) -> bool:
    root = raw.find(place)
    assert root is not None
    gone = _pictures(root, erased)
    if not gone.paths:
        return False
    with _rest(root, gone.paths, _beside(place, DRAFT)) as (rest, blank):
        new, old = _beside(place, REST), _beside(place, OLD)
        if root == place:
            rest.rename(new)
        else:
            _linked(place, _emptied(new), skip=root)
            rest.rename(new / root.relative_to(place))
        place.rename(old)  # `finish` puts the new one in its place
    return blank


def _remove_from_archives(place: Path, erased: Callable[[str], bool]) -> bool:
    scratch = _beside(place, UNPACKED)
    try:
        with raw.opened(place, _emptied(scratch)) as root:
            gone = _pictures(root, erased)
            if not gone.paths:
                return False
            with _rest(root, gone.paths, _beside(place, DRAFT)) as (rest, blank):
                prefix = root.relative_to(scratch / "unpacked")
                for archive in raw.packed_in(place):
                    _repack(archive, scratch / "unpacked", prefix, rest, scratch / "packed anew")
        return blank
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # what cannot be deleted is told by `finish`


def finish(place: Path) -> bool:
    """Finish, or undo, what a killed `remove` began: the old folder is put aside only once the new one is whole.

    Returns:
        Whether there was something to do.

    Raises:
        OSError: of what lay beside it something cannot be deleted, such as pictures of the erased.
    """
    begun = begun_beside(place)
    if _beside(place, OLD).exists() and not place.exists():
        _beside(place, REST).rename(place)
    for folder in begun_beside(place):
        shutil.rmtree(folder)
    return bool(begun)


def begun_beside(place: Path) -> list[Path]:
    """Folders that a `remove` which did not come to its end left beside a place: pictures of the erased are in them."""
    return [folder for kind in (REST, OLD, UNPACKED, DRAFT) if (folder := _beside(place, kind)).exists()]


def _beside(place: Path, kind: str) -> Path:
    """A folder for work, beside a place and never in it, of a name that `finish` knows: pictures of people left in any
    other would be found by nobody, or be taken for a part of the data."""
    return place.with_name(f".{place.name}.{kind}")


@contextmanager
def _rest(root: Path, gone: list[str], rest: Path) -> Iterator[tuple[Path, bool]]:
    """The data set without some pictures, in the folder `rest`, and whether black ones stand in for them.

    The folder is removed at the end, unless it was moved away.
    """
    data = sources.read(root)
    before = data.table
    kept = before[~before["source"].isin(gone)].reset_index(drop=True)
    if kept.empty:
        raise DataError(f"{root}: every picture is of the erased, nothing would be left: delete it yourself")
    try:
        by_path, by_end = set(gone), ends(gone) - ends(kept["source"])  # how tables may name them
        for names, anywhere in ((by_path, True), (by_end, True), (by_path, False)):
            _linked(root, _emptied(rest), without=gone)
            drop_records(rest, names, anywhere=anywhere)
            if _same(rest, kept, data.classes):
                blank = False
                break
        else:
            blank = True
            _linked(root, _emptied(rest), without=gone)
            for path in gone:
                _black(rest / path)
            unnamed = before.assign(person=before["person"].mask(before["source"].isin(gone), STAND_IN))
            if not _same(rest, unnamed if unname(rest, by_path) else before, data.classes):
                raise DataError(f"{root}: it could not be read any more without the pictures of the erased")
        yield rest, blank
    finally:
        shutil.rmtree(rest, ignore_errors=True)


def _same(root: Path, wanted: pd.DataFrame, classes: dict[str, list[str]]) -> bool:
    """Whether the folder is read as these rows, with these classes."""
    try:
        found = sources.read(root)
    except DataError:
        return False
    told = ["person", "source", "published_subset"]
    ordered = (one[told].sort_values("source", ignore_index=True) for one in (found.table, wanted))
    return found.classes == classes and next(ordered).equals(next(ordered))


def _linked(source: Path, target: Path, without: Collection[str] = (), skip: Path | None = None) -> None:
    """Hard links of all files of a folder (copies on other file systems): no room is taken."""
    target.mkdir(parents=True, exist_ok=True)
    for name in sorted(files(source).difference(without)):
        if skip is not None and (source / name).is_relative_to(skip):
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source / name, target / name)
        except OSError:
            shutil.copy2(source / name, target / name)


def _black(path: Path) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = {".png": "PNG", ".bmp": "BMP", ".webp": "WEBP"}
    Image.new("RGB", BLACK).save(path, format=kinds.get(path.suffix.lower(), "JPEG"))


def _is_black(path: Path) -> bool:
    """Whether a picture stands in for one that was erased before."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return picture.size == BLACK and picture.convert("RGB").getbbox() is None
    except (OSError, SyntaxError, ValueError):
        return False  # no picture, or a broken one: it goes like any other file


def _repack(archive: Path, unpacked: Path, prefix: Path, rest: Path, draft: Path) -> None:
    """Write an archive anew from what is left of its members, and put it in the old one's place.

    Args:
        draft: where it is written until it is whole: a kill must not leave half an archive among the data.
    """

    def left(name: str) -> Path | None:
        """Where a member is now; None where it is gone, or is a folder."""
        path = Path(name)
        inside = path.is_relative_to(prefix)
        found = rest / path.relative_to(prefix) if inside else unpacked / path
        return found if found.is_file() else None

    try:
        if archives.is_zip(archive):
            with zipfile.ZipFile(archive) as old, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as new:
                for name in dict.fromkeys(old.namelist()):
                    if path := left(name):
                        new.write(path, name)
        else:
            with tarfile.open(archive, "r:*") as tar, tarfile.open(draft, _mode(archive)) as packed:
                for member in tar:
                    if path := left(member.name):
                        packed.add(path, member.name, recursive=False)
        draft.replace(archive)
    finally:
        draft.unlink(missing_ok=True)


def _mode(archive: Path) -> Literal["w", "w:gz", "w:bz2", "w:xz"]:
    with archive.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return "w:gz"
    if start.startswith(b"BZh"):
        return "w:bz2"
    return "w:xz" if start.startswith(b"\xfd7zXZ") else "w"


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
