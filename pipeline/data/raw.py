"""Finding the data set in what a user put into data/: a folder, a folder in a folder, or an archive."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.data import archives, sources
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
    folder = scratch / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
    try:
        for archive in packed:
            archives.unpack(archive, folder)
        yield find(folder) or folder  # `sources.read` explains an unknown layout
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
