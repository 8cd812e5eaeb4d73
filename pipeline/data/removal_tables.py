"""Taking records that name a picture out of the tables of a data set, whatever else stands in them."""

from __future__ import annotations

import csv
import io
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from pipeline.data.sources import folder
from pipeline.data.sources.common import files, is_picture

Record = tuple[str, list[str]]  # as it stands in the file, a line or more; its cells between commas

TABLES = (".csv", ".txt", ".tsv", ".parquet")
WORD = re.compile(r"""[^\s,;"']+""")
STAND_IN = "(erased)"  # as person of what stands in, in a manifest; kept out of the store as the erased are


def drop_records(root: Path, names: set[str], *, anywhere: bool) -> None:
    """Take records (lines; of Parquet: rows) that name a picture out of all tables.

    Args:
        names: of the pictures.
        anywhere: also those where a name is a word of a longer text. Else it must be a whole cell between commas, as
            beside a column of notes that speak of other pictures.
    """
    for name in sorted(files(root)):
        path = root / name
        if path.suffix.lower() not in TABLES or is_picture(path.name):
            continue
        if path.suffix.lower() == ".parquet":
            table = pd.read_parquet(path)
            named = folder.flat(table).map(lambda cell: _is_named([cell], names)).any(axis=1).to_numpy()
            if named.any():
                _write_parquet(path, table[~named])
            continue
        records = _records(path)
        left = [one for one in records if not _names_one(*one, names, anywhere=anywhere)]
        if len(left) < len(records):
            _write_text(path, left)


def unname(root: Path, names: set[str]) -> bool:
    """Put STAND_IN in the place of the persons of some pictures in a manifest; whether there was anybody to."""
    path = next((root / name for name in folder.MANIFESTS if (root / name).exists()), None)
    if path is None:
        return False
    return _unname_in_parquet(path, names) if path.suffix == ".parquet" else _unname_in_text(path, names)


def _unname_in_parquet(path: Path, names: set[str]) -> bool:
    table = folder.flat(pd.read_parquet(path, dtype_backend="numpy_nullable"))
    table.columns = table.columns.astype(str).str.strip()
    if "person" not in table:
        return False
    person = table["person"].map(_key, na_action="ignore").astype("string")
    named = table["path"].map(lambda cell: _is_named([cell], names))
    _write_parquet(path, table.assign(person=person.mask(named, STAND_IN)))
    return True


def _key(person: object) -> str:
    """As it is read: gaps in its column make 7.0 of a 7."""
    return str(int(person)) if isinstance(person, float) and person.is_integer() else str(person)


def _unname_in_text(path: Path, names: set[str]) -> bool:
    header, *records = _records(path)
    columns = [cell.strip("\ufeff \t") for cell in header[1]]
    if "person" not in columns:
        return False
    at, person = columns.index("path"), columns.index("person")
    written = [header]
    for text, cells in records:
        if len(cells) == len(columns) and _is_named([cells[at]], names):
            line = io.StringIO()
            end = "\r\n" if text.endswith("\r\n") else "\n"
            csv.writer(line, lineterminator=end).writerow([*cells[:person], STAND_IN, *cells[person + 1 :]])
            written.append((line.getvalue(), cells))
        else:
            written.append((text, cells))
    _write_text(path, written)
    return True


def _names_one(text: str, cells: list[str], names: set[str], *, anywhere: bool) -> bool:
    return _is_named(cells, names) or (anywhere and not names.isdisjoint(WORD.findall(text)))


def _is_named(cells: Iterable[object], names: set[str]) -> bool:
    return any(posixpath.normpath(cell.strip()) in names for cell in cells if isinstance(cell, str) and cell.strip())


def _write_parquet(path: Path, table: pd.DataFrame) -> None:
    path.unlink()  # a link to the old one
    table.to_parquet(path, index=any(name is not None for name in table.index.names))


def _records(path: Path) -> list[Record]:
    """Records of a text; without cells where it is no CSV."""
    text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    lines = list(io.StringIO(text, newline=""))
    found, start = [], 0
    try:
        reader = csv.reader(lines)
        for cells in reader:
            found.append(("".join(lines[start : reader.line_num]), cells))
            start = reader.line_num
    except csv.Error:
        return [(line, []) for line in lines]
    return found


def _write_text(path: Path, records: Iterable[Record]) -> None:
    path.unlink()  # a link to the old one
    path.write_bytes("".join(text for text, _ in records).encode("utf-8", errors="surrogateescape"))


def ends(paths: Iterable[str]) -> set[str]:
    """a/b.jpg and b.jpg, of every path."""
    return {"/".join(parts[start:]) for path in paths for parts in [path.split("/")] for start in range(len(parts))}
