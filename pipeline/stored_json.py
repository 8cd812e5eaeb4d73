"""JSON files that stages wrote: metrics, and what is said of models, splits and data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.errors import DataError


def read_metrics(folder: Path, names: list[str]) -> dict[str, dict[str, float | str]]:
    """metrics/<name>.json of every model.

    Raises:
        DataError: one is missing or damaged.
    """
    return {name: read_json(folder / f"{name}.json") for name in names}


def read_json(path: Path) -> dict[str, Any]:
    """What a stage wrote.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} not found: run `dvc repro`") from None
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}): delete it and run `dvc repro`") from None
    return told
