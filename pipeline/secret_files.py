"""Secrets lie where git does not take them along: outside of every work tree, or ignored by it."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

HAS, WOULD_TAKE = "git has it already", "the next `git add` would take it along"


def exposed(path: Path) -> str:
    """What git does with a file that is there, or would be: HAS or WOULD_TAKE; empty where it keeps its hands off.

    Asked is the work tree that the file itself lies in, whichever that is and wherever links lead from.
    """
    place = path.expanduser().resolve()
    folder = next(one for one in place.parents if one.is_dir())
    with suppress(FileNotFoundError):  # an image without git
        if _git(folder, "check-ignore", "--quiet", str(place)) == 1:  # 0: ignored; 128: no work tree
            tracked = _git(folder, "--literal-pathspecs", "ls-files", "--error-unmatch", str(place)) == 0
            return HAS if tracked else WOULD_TAKE
    return ""


def _git(folder: Path, *arguments: str) -> int:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True).returncode
