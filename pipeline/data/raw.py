"""Finding the data set in what a user put into data/: a folder, a folder in a folder, or an archive."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.data import archives, sources
from pipeline.data.sources import common
from pipeline.errors import DataError


@contextmanager
def opened(raw: Path, scratch: Path) -> Iterator[Path]:
    """The folder that a source recognises; archives are unpacked below `scratch` for as long as the context lasts.

    Args:
        raw: a data set's folder, one that holds it in its only such subfolder, an archive, or a folder of archives.
        scratch: an existing or new folder on a disk with room for the unpacked archive.

    Raises:
        DataError: `raw` is missing, its layout is not recognised, or an archive is refused.
    """
    if not raw.exists():
        raise DataError(f"{raw} not found: run `dvc repro`, which imports it, or `dlfd data use <folder|archive|url>`")
    if found := find(raw):
        yield found
        return
    packed = packed_in(raw)
    if not packed:
        raise sources.unknown_layout(raw, " and no archive")
    folder, part = scratch / "unpacked", scratch / "part"
    for left in (folder, part):
        shutil.rmtree(left, ignore_errors=True)  # by a killed run
    try:
        archives.unpack(packed[0], folder)
        for archive in packed[1:]:
            archives.unpack(archive, part)
            _put_together(part, folder, archive)
        yield find(folder) or folder  # `sources.read` explains an unknown layout
    finally:
        for done in (folder, part):
            shutil.rmtree(done, ignore_errors=True)


def _put_together(part: Path, folder: Path, archive: Path) -> None:
    """Move what an archive holds to what others held, and remove its folder.

    Raises:
        DataError: one of them held another file of the same name, which would be lost, or stand under another's label.
    """
    for name in sorted(common.files(part)):
        target = folder / name
        if target.exists() and not filecmp.cmp(part / name, target, shallow=False):
            raise DataError(
                f"{archive} holds {name}, as an archive beside it does, and not the same: unpack them yourself"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        (part / name).replace(target)
    shutil.rmtree(part)


def find(folder: Path) -> Path | None:
    """The folder itself or its only subfolder that a source recognises; names are looked at, nothing is read."""
    if not folder.is_dir():
        return None
    if sources.source_of(folder):
        return folder
    below = [child for child in sorted(folder.iterdir()) if child.is_dir() and sources.source_of(child)]
    return below[0] if len(below) == 1 else None


def packed_in(raw: Path) -> list[Path]:
    """The archive itself, or the archives directly in a folder."""
    candidates = [raw] if raw.is_file() else sorted(raw.iterdir())
    return [path for path in candidates if archives.is_archive(path)]
