"""Hashes of files, as `sha256sum` gives them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.errors import DataError


def file_hash(*paths: Path) -> str:
    """SHA-256 of a file; of several files: that of their hashes.

    Raises:
        DataError: one is missing.
    """
    digests = []
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path} not found: run `dvc repro` (or `dvc checkout`) to get it back")
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256"))
    if len(digests) == 1:
        return digests[0].hexdigest()
    return hashlib.sha256(b"".join(digest.digest() for digest in digests)).hexdigest()
