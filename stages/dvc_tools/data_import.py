"""Where data/ comes from, as data.dvc has it."""

from __future__ import annotations

from pathlib import Path

from pipeline import layout

FILE = Path("data.dvc")


def source() -> str:
    """Where data.dvc imports from, as it names it; empty where it does not."""
    import yaml

    if not FILE.exists():
        return ""
    told = yaml.safe_load(FILE.read_text(encoding="utf-8")) or {}
    found = (told.get("deps") or [{}])[0]
    path = str(found.get("path", ""))
    if repository := found.get("repo"):  # `dvc import`: a path in another repository, and none of this disk
        return f"{path} of {repository.get('url', '')}"
    return path


def name() -> str:
    """Short, for tables: the file or folder that was imported; data/ where an erasing has made it plain data."""
    return Path(source() or layout.RAW).name
