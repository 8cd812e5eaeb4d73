"""What could be somebody's in a text: cells of CSV, strings of JSON, pictures in data URIs or, in JSON, in base64."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

KEYS, CONTENTS = ("person", "unit"), ("content",)  # columns of tables, names in JSON
SEPARATORS = ",;\t|"
LONGEST_HEADER = 2**16  # characters of a line that may name columns
LONGEST_CELL = 2**28
IMAGES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PPM_OR_BMP = re.compile(rb"P[1-6]\s[\s\d#]|BM.{0,9}\0", re.DOTALL)  # more than two letters, which a text may begin with
DATA_URI = re.compile(r"data:image/[^,\s]{1,200}?;base64,([A-Za-z0-9+/=]+)")
JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*[\[{]")


def is_picture(start: bytes) -> bool:
    """Whether a file that starts so may be a picture."""
    return start.startswith(IMAGES) or PPM_OR_BMP.match(start) is not None


def column(name: object) -> str:
    """The name of a column as it is compared."""
    return str(name).strip().lower()


def cells(data: bytes) -> Iterator[tuple[str, str]]:
    """Of the columns KEYS and CONTENTS of CSV, each different cell once with its column's name.

    Nothing where no such column is in the first line. Of a BOM, quotes, spaces and SEPARATORS it makes no matter.
    """
    csv.field_size_limit(LONGEST_CELL)  # of a picture in base64, say, beside a person
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", "replace")
    separator, places = _header(text.readline(LONGEST_HEADER))
    seen: set[tuple[str, str]] = set()
    # strict: a quote that is never closed would hide all rows after it
    for row in csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True) if places else ():
        for place, name in places:
            if place < len(row) and (cell := (name, row[place].strip())) not in seen:
                seen.add(cell)
                yield cell


def _header(line: str) -> tuple[str, list[tuple[int, str]]]:
    """What separates columns, and places of those that are looked into."""
    for separator in SEPARATORS:
        names = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
        if places := [(at, column(name)) for at, name in enumerate(names) if column(name) in (*KEYS, *CONTENTS)]:
            return separator, places
    return SEPARATORS[0], []


def documents(data: bytes) -> Iterator[Any]:
    """Of JSON, whole or a document a line; nothing where a text is none, though it may begin like one."""
    if not JSON.match(data):
        return
    text = data.decode("utf-8-sig", "replace")
    with suppress(ValueError):
        yield json.loads(text)
        return
    good = bad = 0
    for line in io.StringIO(text):
        if line.startswith(("{", "[")):
            try:
                document = json.loads(line)
            except ValueError:
                bad += 1
                continue
            good += 1
            yield document
    if good and bad:
        raise ValueError(f"{bad} of {good + bad} lines are no JSON")


def strings(document: Any) -> Iterator[tuple[str, str]]:
    """Of a JSON document, strings with the name they stand under, the names themselves, and numbers under KEYS."""
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        above, value = waiting.pop()
        if isinstance(value, dict):
            yield from (("", name) for name in value)
        for name, one in value.items() if isinstance(value, dict) else ((above, one) for one in value):
            if isinstance(one, str):
                yield name, one
            elif isinstance(one, dict | list):
                waiting.append((name, one))
            elif isinstance(one, int) and column(name) in KEYS:
                yield name, str(one)


def pictures(text: str) -> list[str]:
    """Base64 of the pictures in a string: the string itself, as a request for an answer has it, or data URIs."""
    whole = text.partition(",")[2] if text.startswith("data:") else text
    try:
        start = base64.b64decode(whole[:100].strip()[:16], validate=True)
    except ValueError:  # it is something else
        start = b""
    return [whole] if is_picture(start) else DATA_URI.findall(text)
