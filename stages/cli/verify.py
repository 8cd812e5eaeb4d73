"""`dlfd verify`: DVC's cache hashed anew, which DVC itself never does."""

from __future__ import annotations

import os

import typer

from pipeline import layout
from pipeline.errors import DataError
from pipeline.progress import progress
from stages.common import guarded
from stages.dvc_tools import cache, purging


@guarded
def verify(
    yes: bool = typer.Option(False, "--yes", "-y", help="remove what is damaged; `dvc repro` makes it again"),
) -> None:
    """Hash every object of DVC's cache: a disk may damage one, and DVC would never notice."""
    os.chdir(layout.root())
    place = purging.cache_folder()
    found = cache.objects(place)
    with progress("hashing", len(found), "objects") as advance:
        wrong = cache.damaged(found, advance)
    if not wrong:
        typer.echo(f"{len(found)} objects in {place}: all are what they were")
        return
    copies = cache.copies(wrong, place)
    told = "".join(f"\n  - {path}" for path in [*wrong.values(), *copies])
    if not yes:
        raise DataError(
            f"{len(wrong)} of {len(found)} objects are damaged, and {len(copies)} file(s) of the workspace with them: "
            f"`dlfd verify --yes` removes them, then `dvc repro` (or `dvc pull`) makes them again{told}"
        )
    for path in [*wrong.values(), *copies]:
        path.unlink()
    typer.echo(f"removed, as damaged:{told}\nNext: dvc repro      (or dvc pull, from a remote)")
