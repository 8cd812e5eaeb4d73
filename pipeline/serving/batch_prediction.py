"""Folders of picture files -> a table of labels and probabilities, a row a file, written as it comes."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import tee
from pathlib import Path
from typing import Any, TextIO

from pipeline.data.sources import common
from pipeline.serving.prediction import Answer, Predictor

SUFFIXES = (*common.SUFFIXES, ".gif", ".tif", ".tiff", ".ppm")  # of the files that are looked for in a folder


def find(paths: Iterable[Path], on_error: Callable[[OSError], None] = lambda error: None) -> Iterator[Path]:
    """Files as they are given, and of folders the pictures in them and below, by name. Hidden ones are left out.

    Args:
        on_error: is told of a folder that cannot be read.
    """
    for path in paths:
        if not _is_folder(path):
            yield path
            continue
        for where, folders, names in os.walk(path, onerror=on_error):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                    yield Path(where) / name


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long, or a folder without the right to enter it: read as a file, its row says so
        return False


def predict(predictor: Predictor, files: Iterable[Path]) -> Iterator[tuple[Path, Answer]]:
    """Each file with its answer, in their order; as many in memory as two batches have."""
    names, pictures = tee(files)
    return zip(names, predictor.answers(pictures), strict=True)


class Writer:
    """Rows of a table: file, label, probability_<class> …, error.

    Args:
        form: `csv` has a header and leaves empty what is unknown; `jsonl` has an object a line, with null.
    """

    def __init__(self, out: TextIO, form: str, classes: list[str]) -> None:
        self._out, self._form, self._classes = out, form, classes
        columns = ["file", *Answer(None, ()).row(classes)]
        self._csv = csv.DictWriter(out, columns, lineterminator="\n")
        if form == "csv":
            self._csv.writeheader()

    def write(self, file: Path, answer: Answer) -> None:
        row: dict[str, Any] = {"file": str(file), **answer.row(self._classes)}
        if self._form == "csv":
            self._csv.writerow(row)
        else:
            self._out.write(json.dumps(row) + "\n")
