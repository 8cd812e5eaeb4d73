"""`dlfd round`: what the next round of forgetting starts from."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import typer

from pipeline import config, layout
from pipeline.erasure import requests, rounds
from pipeline.errors import RegistryError
from pipeline.registry import evidence, starting_point, versions
from pipeline.settings import CHAMPION
from stages.cli.registered import NAME, resolve
from stages.common import guarded

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.callback()
def group() -> None:
    """What the next round of forgetting starts from."""


@app.command()
@guarded
def start(name: str = NAME) -> None:
    """Begin a round: the next `dvc repro` starts from the model in service and forgets only what is new."""
    os.chdir(layout.root())
    begin(resolve(name))
    settings = config.load()
    if settings.unlearn.start_from != CHAMPION:
        told = f"unlearn.start_from is {settings.unlearn.start_from}: {CHAMPION} in params.yaml would use it"
        typer.secho(f"note: {told}", fg="yellow", err=True)
    typer.echo(f"Next: dvc repro      (and `git add {layout.ERASURE}` to keep it)")


@app.command()
@guarded
def show() -> None:
    """The model that rounds start from, and which open requests are new to it."""
    os.chdir(layout.root())
    base = rounds.read()
    if not base.model:
        typer.echo("no round has begun: the first one starts from the original (`dlfd round start` takes the champion)")
        return
    _tell(base)


def begin(name: str) -> rounds.Base:
    """Write the champion, what it has forgotten and who was held out from it into erasure/.

    Raises:
        RegistryError: there is no champion, or it cannot be started from.
        RequestError: a ledger cannot be read.
    """
    found = versions.champion(versions.every(name))
    if found is None:
        raise RegistryError(f"{name} has no {versions.CHAMPION} to start from: `dlfd models promote` one first")
    base, sides = base_from(name, found)
    rounds.write_sides(sides)  # first: a round without its sides would test on persons whom its start has learned
    rounds.write(base)
    _tell(base)
    return base


def base_from(name: str, found: versions.Version) -> tuple[rounds.Base, dict[str, str]]:
    """A version to start from, and who was held out when it was made; it is fetched to see that a round can start.

    Raises:
        RegistryError: it cannot be started from.
        RequestError: a ledger cannot be read.
    """
    model = f"{name}/{found.number}"
    if known := evidence.knows_erased(found):
        raise RegistryError(
            f"{model} may know persons whose data were erased elsewhere (requests {', '.join(known)}): set "
            "unlearn.start_from: original, `dvc repro`, and promote what it registers"
        )
    if not (weights := found.tags.get(versions.WEIGHTS_SHA)):
        raise RegistryError(
            f"version {found.number} of {name} has no tag {versions.WEIGHTS_SHA}, so it was registered by hand and "
            "nothing says which weights it has: promote a version that `dvc repro` registered, and start from that"
        )
    forgotten = sorted(request.id for request in evidence.service(name, found).forgotten)
    base = rounds.Base(model, weights, forgotten)
    with tempfile.TemporaryDirectory() as scratch:
        starting_point.fetch(model, base.weights_sha256, Path(scratch) / "base")
        return base, rounds.read_sides(Path(scratch) / "base" / starting_point.SIDES)


def _tell(base: rounds.Base) -> None:
    opened = [request for request in requests.read() if request.open]
    known = [request for request in opened if request.id in base.requests]
    typer.echo(f"rounds start from {base.model}, weights {base.weights_sha256[:12]}")
    typer.echo(f"{len(known)} open request(s) are forgotten in it already, {len(opened) - len(known)} are new")
