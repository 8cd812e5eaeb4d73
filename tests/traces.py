"""Everything that a run wrote, searched for what must not be in it: a person's key, their pictures, the salt."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

STORE = (  # what holds persons: never in git, and removed from it by erasing
    "data/*",
    "workspace/faces/*",
    "workspace/splits/*",
    "workspace/evaluation/*/samples.parquet",
    "workspace/yardsticks/*/samples.parquet",
    ".dvc/cache/*",  # of the same
    ".dvc/tmp/*/files/*",
    ".git/*",  # packed: its files are looked at in the working tree
    ".dlfd-salt*",
)
DATA_URL = re.compile(rb"data:image/[a-z+]+;base64,([A-Za-z0-9+/=]+)")
LARGEST = 4  # times that a picture may be enlarged and still be found


def written(root: Path, original: Path) -> dict[str, bytes]:
    """Files below a checkout by name, but for the store and what came with the clone."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if not path.is_file() or any(fnmatch(name, pattern) for pattern in STORE):
            continue
        content = path.read_bytes()
        if not (original / name).is_file() or (original / name).read_bytes() != content:
            found[name] = content
    return found


def words(files: Mapping[str, bytes], wanted: Iterable[str]) -> list[str]:
    """Names of files in which, or in whose name, one of the words stands by itself."""
    told = [word.encode() for word in wanted]
    alone = re.compile(rb"(?<![0-9A-Za-z])(?:" + b"|".join(map(re.escape, told)) + rb")(?![0-9A-Za-z])")
    found = []
    for name, content in files.items():
        text = name.encode() + b"\n" + _text(name, content)
        if any(word in text for word in told) and alone.search(text):  # the first is much faster
            found.append(name)
    return found


def pictures(files: Mapping[str, bytes], wanted: np.ndarray) -> list[str]:
    """Names of files that show or hold one of the pictures uint8 [N, h, w, 3], in its own size or enlarged."""
    middles = wanted[:, wanted.shape[1] // 2]
    assert all(len(np.unique(row, axis=0)) > 3 for row in middles), "a plain row would be found anywhere"
    rows = [np.repeat(row, times, axis=0).tobytes() for row in middles for times in range(1, LARGEST + 1)]
    raw = [picture.tobytes() for picture in wanted]
    found = []
    for name, content in files.items():
        shown = [content, *(pixels.tobytes() for pixels in _shown(name, content))]
        if any(one in content for one in raw) or any(row in pixels for pixels in shown for row in rows):
            found.append(name)
    return found


def _text(name: str, content: bytes) -> bytes:
    return pd.read_parquet(io.BytesIO(content)).to_csv().encode() if name.endswith(".parquet") else content


def _shown(name: str, content: bytes) -> Iterator[np.ndarray]:
    """Pixels of a picture file, or of those that are embedded in a page."""
    encoded = [base64.b64decode(one) for one in DATA_URL.findall(content)]
    for one in [content, *encoded] if name.endswith((".png", ".jpg", ".webp", ".gif")) else encoded:
        try:
            yield np.asarray(Image.open(io.BytesIO(one)).convert("RGB"))
        except OSError:  # an SVG
            continue
