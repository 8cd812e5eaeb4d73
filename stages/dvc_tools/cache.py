"""DVC's cache, hashed as if nothing were known of it.

DVC never hashes a read-only object again: one that the disk has damaged is taken for what it was, comes back into the
workspace, and `dvc status` finds nothing wrong with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LOCKS = ("dvc.lock", "*.dvc")
FOLDER = ".dir"  # ends the name of an object that lists the files of a folder


def objects(cache: Path) -> list[Path]:
    """All that the cache has, by their hashes."""
    return sorted((cache / "files" / "md5").glob("??/*"))


def damaged(found: list[Path], advance: Callable[[int], None] = lambda count: None) -> dict[str, Path]:
    """Hash, as DVC writes it -> object whose content has another one."""
    wrong = {}
    for path in found:
        name = path.parent.name + path.name
        if md5(path) != name.removesuffix(FOLDER):
            wrong[name] = path
        advance(1)
    return wrong


def copies(wrong: dict[str, Path], cache: Path) -> list[Path]:
    """Files of the workspace that came out of a damaged object: they should have its hash and do not."""
    return [path for path, name in _files(cache) if name in wrong and path.is_file() and md5(path) != name]


def md5(path: Path) -> str:
    """As DVC names an object; no matter of security."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _files(cache: Path) -> Iterator[tuple[Path, str]]:
    """Every file of an output in the workspace, and the hash that it should have."""
    for out in _outputs():
        path, name = Path(out["path"]), str(out.get("md5", ""))
        yield path, name
        if name.endswith(FOLDER):
            for one in _listed(cache / "files" / "md5" / name[:2] / name[2:], name.removesuffix(FOLDER)):
                yield path / one["relpath"], one["md5"]


def _outputs() -> Iterator[dict[str, Any]]:
    """Of imports and stages; not of a stage that dvc.lock remembers and dvc.yaml no longer has."""
    known = _read(Path("dvc.yaml")).get("stages") or {}
    for lock in (path for pattern in LOCKS for path in Path.cwd().glob(pattern) if path.is_file()):
        told = _read(lock)
        stages = [stage for name, stage in (told.get("stages") or {}).items() if name.partition("@")[0] in known]
        for one in [told, *stages]:
            yield from one.get("outs", [])


def _read(path: Path) -> dict[str, Any]:
    import yaml

    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def _listed(path: Path, name: str) -> list[dict[str, str]]:
    """Nothing, where the list is gone or damaged itself."""
    if not path.is_file() or md5(path) != name:
        return []
    found: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return found
