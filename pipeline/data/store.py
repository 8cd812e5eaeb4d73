"""The canonical store of faces: images.npy (memory-mapped), table.parquet, dataset.json."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from pipeline.data.images import square
from pipeline.data.sources import TASKS, RawDataset
from pipeline.errors import DataError
from pipeline.progress import progress
from pipeline.settings import DataSettings

IMAGES, TABLE, INFO = "images.npy", "table.parquet", "dataset.json"
COLUMNS = ("image", "person", *TASKS, "published_subset", "content", "source")
CHUNK = 256  # pictures decoded between two writes: bounds memory, whatever the number of pictures
SHOWN = 5  # corrupt pictures named in a message
REMEDY = "run `dvc repro --force download`"


@dataclass(frozen=True)
class Store:
    """An opened store.

    Attributes:
        images: uint8 [N, H, W, 3] RGB, memory-mapped; changes stay in memory (torch wants a writable array).
        table: one row an image, in the order of `images`; columns as in COLUMNS.
        info: what dataset.json says: name, image_size, classes, counts, and whether the data has identities.
    """

    images: np.ndarray
    table: pd.DataFrame
    info: dict[str, Any]


def build(
    raw: RawDataset, folder: Path, settings: DataSettings, erased: Callable[[str, str], bool] = lambda kind, what: False
) -> Store:
    """Decode, hash and resize every picture, and write the store; an older one in `folder` is replaced at the end.

    Args:
        erased: whether a `person` (key) or `picture` (content hash) may be in no store any more
            (`pipeline.erasure.tombstones`).

    Raises:
        DataError: pictures cannot be read and `data.on_corrupt` is `fail`, or none can be read at all, or all are of
            the erased.
    """
    raw = _without(raw, erased)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # left by a killed run
    partial.mkdir(parents=True)
    try:
        rows, contents, corrupt = _write_images(raw, partial / IMAGES, settings.image_size, erased)
        _check_corrupt(corrupt, len(raw.table), settings.on_corrupt)
        table = _canonical(raw.table.iloc[rows], contents)
        table.to_parquet(partial / TABLE, index=False)
        info = _describe(raw, table, settings.image_size, len(corrupt))
        (partial / INFO).write_text(json.dumps(info, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return open(folder)


def open(folder: Path) -> Store:
    """Open a store.

    Raises:
        DataError: a file is missing, damaged or does not fit the others; it is named with the remedy.
    """
    info = _parsed(folder / INFO, lambda path: json.loads(path.read_text(encoding="utf-8")))
    table = _parsed(folder / TABLE, pd.read_parquet)
    images = _parsed(folder / IMAGES, lambda path: np.load(path, mmap_mode="c"))
    if absent := [column for column in COLUMNS if column not in table]:
        raise DataError(f"{folder / TABLE} lacks the column(s) {', '.join(absent)}: {REMEDY}")
    size = info.get("image_size") if isinstance(info, dict) else None
    if images.dtype != np.uint8 or images.shape != (len(table), size, size, 3):
        told = f"{images.dtype} {list(images.shape)}, expected uint8 [{len(table)}, {size}, {size}, 3]"
        raise DataError(f"{folder / IMAGES} does not fit its table ({told}): {REMEDY}")
    return Store(images=images, table=table, info=info)


def has_identities(table: pd.DataFrame) -> bool:
    """Whether the data says who is on its pictures; where it does not, each picture is a person of its own."""
    return bool((table["person"].astype(str) != table["source"].astype(str)).any())


def _without(raw: RawDataset, erased: Callable[[str, str], bool]) -> RawDataset:
    """The data set without erased persons."""
    gone = raw.table["person"].map(lambda person: erased("person", str(person))).to_numpy(dtype=bool)
    if not gone.any():
        return raw
    if gone.all():
        raise DataError("everybody in this data has been erased (erasure/erased.csv): there is nothing to learn from")
    rows = np.flatnonzero(~gone)
    return replace(raw, table=raw.table.iloc[rows], image=lambda row: raw.image(int(rows[row])))


def content_hash(pixels: np.ndarray) -> str:
    """SHA-256 of the shape and the decoded pixels in their own size: equal for equal pictures, whatever the file."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _write_images(
    raw: RawDataset, path: Path, size: int, erased: Callable[[str, str], bool]
) -> tuple[list[int], list[str], list[str]]:
    """Write images.npy; returns rows of the raw table that are in it, their content hashes, and what was corrupt.

    The file is written as a stream and not through a memory map: on a full disk a map kills the process.
    """
    rows: list[int] = []
    contents: list[str] = []
    corrupt: list[str] = []
    total = len(raw.table)
    with path.open("w+b") as file, progress("decoding", total, "images") as advance:
        _write_header(file, total, size)
        for row, result in _decoded(raw, size):
            if isinstance(result, DataError):
                corrupt.append(str(result))
                advance()
            else:
                pixels, content = result
                advance()
                if erased("picture", content):  # under another name
                    continue
                file.write(pixels.tobytes())
                rows.append(row)
                contents.append(content)
        _write_header(file, len(rows), size)
        file.flush()
        os.fsync(file.fileno())
    return rows, contents, corrupt


def _write_header(file: IO[bytes], count: int, size: int) -> None:
    """The .npy header; NumPy pads it so that another count takes the same room."""
    file.seek(0)
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    np.lib.format.write_array_header_1_0(file, header)


def _decoded(raw: RawDataset, size: int) -> Iterator[tuple[int, tuple[np.ndarray, str] | DataError]]:
    """Rows in order with picture and content hash. Threads: Pillow and hashlib release the GIL."""

    def load(row: int) -> tuple[np.ndarray, str] | DataError:
        try:
            pixels = raw.image(row)
        except DataError as error:
            return error
        return square(pixels, size), content_hash(pixels)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for start in range(0, len(raw.table), CHUNK):
            chunk = range(start, min(start + CHUNK, len(raw.table)))
            yield from zip(chunk, pool.map(load, chunk), strict=True)


def _check_corrupt(corrupt: list[str], total: int, on_corrupt: str) -> None:
    shown = "".join(f"\n  - {message}" for message in corrupt[:SHOWN])
    more = f"\n  - … and {len(corrupt) - SHOWN} more" if len(corrupt) > SHOWN else ""
    if len(corrupt) == total:
        raise DataError(f"none of the {total} pictures can be read:{shown}{more}")
    if corrupt and on_corrupt == "fail":
        raise DataError(
            f"{len(corrupt)} of {total} pictures cannot be read:{shown}{more}\n"
            "Replace them, or set `data.on_corrupt: skip` in params.yaml to leave them out."
        )


def _canonical(table: pd.DataFrame, contents: list[str]) -> pd.DataFrame:
    """The store's table: columns and dtypes of COLUMNS, rows numbered as in images.npy."""
    table = table.reset_index(drop=True)
    labels = {task: table.get(task, -1) for task in TASKS}
    text = {name: table[name].astype(str) for name in ("person", "published_subset", "source")}
    whole = table.assign(**labels, **text, image=np.arange(len(table)), content=contents)
    return whole.astype({"image": "int32", **dict.fromkeys(TASKS, "int16")})[list(COLUMNS)]


def _describe(raw: RawDataset, table: pd.DataFrame, size: int, skipped: int) -> dict[str, Any]:
    labels = {
        task: {name: int((table[task] == number).sum()) for number, name in enumerate(names)}
        for task, names in raw.classes.items()
    }
    published = table["published_subset"].value_counts().sort_index()
    return {
        "name": raw.name,
        "image_size": size,
        "classes": raw.classes,
        "images": len(table),
        "identities": has_identities(table),
        "persons": int(table["person"].nunique()),
        "distinct_pictures": int(table["content"].nunique()),
        "skipped_corrupt": skipped,
        "labels": labels,
        "published_subsets": {str(k): int(v) for k, v in published.items() if k},
    }


def _parsed(path: Path, parse: Any) -> Any:
    try:
        return parse(path)
    except FileNotFoundError:
        raise DataError(f"{path} not found: run `dvc repro download`") from None
    except (OSError, ValueError, EOFError) as error:  # Arrow's and JSON's errors are ValueErrors
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is damaged ({reason}): {REMEDY}") from None
