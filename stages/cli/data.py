"""`dlfd data`: which raw data the pipeline runs on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import typer

from pipeline import layout
from pipeline.errors import DataError
from stages.common import guarded
from stages.dvc_tools import data_import
from stages.dvc_tools.purging import delete

app = typer.Typer(no_args_is_help=True, help=__doc__)

DESCRIPTOR = Path("datasets/synthetic")
# No `frozen` key: a clone with an empty cache and no remote then imports the descriptor with plain `dvc repro`.
SYNTHETIC = f"deps:\n- path: {DESCRIPTOR}\nouts:\n- path: {layout.RAW}\n"
BACKUP = Path(".dvc/tmp/dlfd-data-use")


@app.callback()
def group() -> None:
    """Which raw data the pipeline runs on."""


@app.command()
@guarded
def use(source: str = typer.Argument(..., help="folder, archive (tar, zip), URL, or `synthetic`")) -> None:
    """Make SOURCE the raw data: imports it with DVC and writes data.dvc. On any failure the old data stays."""
    here = Path.cwd()
    os.chdir(_project())
    found = _check(source, here)
    typer.echo(f"importing {source} with DVC …")
    _replace(_url(source) or (source if source == "synthetic" else str(_absolute(source, here))))
    typer.echo(f"{layout.RAW}/ now holds {found}; {data_import.FILE} says where it comes from.")
    typer.echo(f"Next: dvc repro      (and `git add {data_import.FILE} .gitignore` to keep the choice)")


def _project() -> Path:
    """The root of the checkout.

    Raises:
        DataError: outside of one.
    """
    root = layout.root()
    if (root / ".dvc").is_dir() and (root / "dvc.yaml").is_file():
        return root
    raise DataError("no dvc.yaml and .dvc/ here or above: run this inside a checkout of the repository")


def _check(source: str, here: Path) -> str:
    """What the source is, in words; nothing is changed yet.

    Raises:
        DataError: it does not exist, has no known layout, or is the current data itself.
    """
    from pipeline.data import raw, sources

    if source == "synthetic":
        if raw.find(DESCRIPTOR) is None:
            raise DataError(f"{DESCRIPTOR}/dataset.yaml not found: restore it with `git checkout {DESCRIPTOR}`")
        return "the description of the synthetic faces"
    if _url(source):
        return f"what {source} gave (its layout is checked by the download stage)"
    path = _absolute(source, here)
    if not _exists(path):
        raise DataError(f"{path} does not exist (for a URL write its scheme, such as https://)")
    current = layout.RAW.resolve()
    if current in [path, *path.parents] or path in current.parents:
        raise DataError(f"{path} is the pipeline's own {layout.RAW}/, or holds it: move it elsewhere first")
    if folder := raw.find(path):
        return f"the data set {sources.source_of(folder)} from {path}"
    typer.echo(f"looking into {path} …")
    layout.WORKSPACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=layout.WORKSPACE) as scratch, raw.opened(path, Path(scratch)) as root:
        if name := sources.source_of(root):
            return f"the data set {name}, in an archive that the download stage unpacks"
        found = ", ".join(sorted(child.name for child in root.iterdir())[:5])
    raise sources.unknown_layout(path, f" in the archive; it holds {found or 'nothing'}")


def _replace(source: str) -> None:
    """Import the source with the old data.dvc and data/ put aside; they come back when anything fails.

    Raises:
        DataError: DVC could not import it; its message is passed on.
    """
    if BACKUP.exists():
        raise DataError(f"{BACKUP} is left from an interrupted run: move its data.dvc and data back, or delete it")
    BACKUP.mkdir(parents=True)
    aside = [path for path in (data_import.FILE, layout.RAW) if path.exists()]
    done = False
    try:
        for path in aside:
            path.rename(BACKUP / path.name)
        _import(source)
        done = True
    finally:
        if not done:  # also on Ctrl+C
            for path in (data_import.FILE, layout.RAW):
                delete(path)
            for path in aside:
                if (BACKUP / path.name).exists():
                    (BACKUP / path.name).rename(path)
        delete(BACKUP)


def _import(source: str) -> None:
    if source == "synthetic":
        data_import.FILE.write_text(SYNTHETIC, encoding="utf-8")
        _dvc("repro", str(data_import.FILE))
    else:
        _dvc("import-url", source, str(layout.RAW))
        _dvc("unfreeze", str(data_import.FILE))  # `import-url` freezes, and a frozen import fails on a fresh clone


def _dvc(*arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        reason = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr).strip()
        raise DataError(f"`dvc {' '.join(arguments)}` failed; data.dvc and data/ are as they were.\n{reason}")


def _url(source: str) -> str | None:
    """The source with its scheme in small letters, as DVC wants it; None where it is no URL."""
    found = re.match(r"[a-z][a-z0-9+.-]+://", source, re.IGNORECASE)
    return found[0].lower() + source[found.end() :] if found else None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for the file system
        return False


def _absolute(source: str, here: Path) -> Path:
    """Absolute, since a relative path out of the repository breaks `dvc exp run --temp`."""
    try:
        return (here / Path(source).expanduser()).resolve()
    except RuntimeError as error:  # ~nobody
        raise DataError(f"{source}: {error}") from None
