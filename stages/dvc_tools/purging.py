"""DVC's and git's part of erasing: what they keep of earlier runs, and a lock file that refers to none of it.

Of the cache and the remotes only what the workspace uses is left (`dvc gc --workspace`): other commits, branches and
experiments refer to the erased, and DVC cannot tell which of their objects show whom (treeverse/dvc 4903, 5269).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from pipeline import layout
from pipeline.errors import EraseError
from stages.dvc_tools import data_import

LOCK = Path("dvc.lock")
BUSY = Path(".dvc/tmp/erase.lock")
OWN_CACHE = Path(".dvc")
FILE = "file://"
LEFTOVERS = (Path(".dvc/tmp/exps"), Path(".dvc/tmp/dlfd-data-use"), Path("dvc_plots"))


@dataclass(frozen=True)
class Kept:
    """What DVC keeps.

    Attributes:
        cache: its folder.
        objects: how many there are in it, `size` of them in bytes.
        runs: entries of the run-cache.
        experiments: names.
        remotes: name -> address.
    """

    cache: Path
    objects: int
    size: int
    runs: int
    experiments: list[str]
    remotes: dict[str, str]


def inspect() -> Kept:
    """What there is; nothing is changed.

    Raises:
        EraseError: DVC or git fails.
    """
    cache = cache_folder()
    files = [path for path in (cache / "files").rglob("*") if path.is_file()]
    runs = [path for path in (cache / "runs").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    return Kept(cache, len(files), size, len(runs), experiments(), remotes(_dvc("remote", "list")))


def remotes(told: str) -> dict[str, str]:
    """Name -> address, of what `dvc remote list` says; an address may have spaces in it."""
    named = (line.strip().partition(" ") for line in told.expandtabs().splitlines() if line.strip())
    return {name: address.strip().removesuffix("(default)").strip() for name, _, address in named}


def is_url(address: str) -> bool:
    """Whether an address has a scheme, so that it is no path."""
    return "://" in address


def is_elsewhere(address: str) -> bool:
    """Whether a remote is no folder of this disk."""
    return is_url(address) and not address.startswith(FILE)


def folders(address: str) -> list[Path]:
    """Folders of this disk that a remote's address may mean, as far as they are there.

    DVC (3.67) takes file:///shelf for the folder file:/shelf below the working one; whoever wrote it meant /shelf.
    """
    if is_elsewhere(address):
        return []
    path = address.removeprefix(FILE)
    meant = dict.fromkeys((address, path, unquote(path))) if path != address else [address]
    return [folder for one in meant if (folder := Path(one)).is_dir()]


def cache_folder() -> Path:
    """Where DVC's cache is.

    Raises:
        EraseError: DVC fails.
    """
    return Path(_dvc("cache", "dir").strip())


def experiments() -> list[str]:
    """References of DVC experiments, those of queues included."""
    return _run("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()


@contextmanager
def alone() -> Iterator[None]:
    """One erasing at a time in a checkout: two would rewrite raw data and tombstones under each other's hands.

    Raises:
        EraseError: another one is at work.
    """
    from filelock import FileLock, Timeout

    BUSY.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(BUSY, timeout=0):
            yield
    except Timeout:
        raise EraseError("another `dlfd erase` is at work in this checkout: wait for its end") from None


def shared(cache: Path) -> bool:
    """Whether the cache lies outside of the checkout, where other projects may use it."""
    return not cache.resolve().is_relative_to((layout.root() / OWN_CACHE).resolve())


def cut_import() -> None:
    """Make data/, which was rewritten, plain tracked data: imported again it would bring everybody back.

    Raises:
        EraseError: DVC fails.
    """
    if data_import.FILE.exists():
        _dvc("remove", str(data_import.FILE))
    _dvc("add", str(layout.RAW))


def clear_workspace() -> None:
    """Remove all that stages and trainings wrote and DVC can make anew; metrics and reports in git stay."""
    for path in (layout.WORKSPACE, layout.DATA_DOCS, layout.REPORTS / "report.html", *LEFTOVERS):
        delete(path)
    LOCK.unlink(missing_ok=True)


def forget_experiments() -> None:
    """Remove all experiments and queues with their stashes, whichever commit they are of.

    Raises:
        EraseError: DVC or git fails.
    """
    _dvc("queue", "remove", "--all")
    if experiments():
        _dvc("exp", "remove", "--all-commits")
    for reference in experiments():  # such as exec/, which DVC leaves after a crash
        _run("git", "update-ref", "-d", reference)


def rebuild() -> None:
    """Make the store anew, which keeps the erased out, and begin a new dvc.lock with it.

    Raises:
        EraseError: DVC fails.
    """
    _dvc("repro", "download")


def collect(kept: Kept, projects: list[Path]) -> None:
    """Remove from the cache, and from every remote, what the workspace does not use; the run-cache as a whole.

    Args:
        projects: other checkouts that use the same cache; theirs stays.

    Raises:
        EraseError: DVC fails, as where a remote cannot be reached.
    """
    delete(kept.cache / "runs")
    others = [word for project in projects for word in ("--projects", str(project))]
    _dvc("gc", "--workspace", "--force", *others)
    for name in kept.remotes:
        _dvc("gc", "--workspace", "--force", "--cloud", "--remote", name, *others)
    for address in kept.remotes.values():
        for folder in folders(address):
            delete(folder / "runs")


def delete(path: Path) -> None:
    """A file, or a folder with all that is in it; nothing where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _dvc(*arguments: str) -> str:
    return _run(sys.executable, "-m", "dvc", *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    if done.returncode:
        told = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr).strip() or done.stdout.strip()
        shown = " ".join(Path(word).name if word == sys.executable else word for word in command)
        raise EraseError(f"`{shown}` failed; give the same command again once this is mended.\n{told[-2000:]}")
    return done.stdout
