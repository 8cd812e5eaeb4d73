"""`dlfd models`: the model registry. What passed the acceptance gate, and what is in service."""

from __future__ import annotations

import math
import os

import typer

from pipeline import config, gate, layout, registry, tracking_store
from pipeline.erasure import progress
from pipeline.errors import RegistryError
from stages.common import guarded

app = typer.Typer(no_args_is_help=True, help=__doc__)
NAME = typer.Option("", "--name", help="of the registered model; default: register.model_name in params.yaml")
YES = typer.Option(False, "--yes", "-y", help="do not ask")


@app.callback()
def group() -> None:
    """The model registry. What passed the acceptance gate, and what is in service."""


@app.command("list")
@guarded
def list_versions(name: str = NAME) -> None:
    """All registered versions, newest first, with their aliases and validation figures."""
    name = _resolve(name)
    known = registry.versions(name)
    if not known:
        typer.echo(registry.nothing_yet(name))
        return
    _show(name, known)


@app.command()
@guarded
def promote(
    version: int | None = typer.Argument(None, help="default: the candidate"), name: str = NAME, yes: bool = YES
) -> None:
    """Put VERSION into service: it becomes the champion, the one before is kept for `rollback`."""
    name = _resolve(name)
    known = registry.versions(name)
    number = version if version is not None else _holder(known, name, registry.CANDIDATE)
    chosen = registry.check_promotable(known, name, number)
    before = next((one.number for one in known if registry.CHAMPION in one.aliases), None)
    if before == number:
        typer.echo(f"version {number} of {name} is the champion already")
        return
    nomus = _rounded(chosen.tags.get(gate.NOMUS, "")) or "?"
    typer.echo(f"version {number} of {name}: {chosen.tags.get('method', '?')}, validation NoMUS {nomus}")
    _warn(f"{name}/{number}")
    if not yes:
        typer.confirm(f"Make it the champion in place of {_named(before)}?", abort=True)
    _changed(name, registry.promote(name, number))
    typer.echo(f"Serve it: mlflow models serve -m models:/{name}@{registry.CHAMPION} --env-manager local")


@app.command()
@guarded
def rollback(name: str = NAME, yes: bool = YES) -> None:
    """Put the champion before the present one back into service."""
    name = _resolve(name)
    if not (known := registry.versions(name)):
        raise RegistryError(registry.nothing_yet(name))
    before = next((one.number for one in known if registry.PREVIOUS in one.aliases), None)
    if before is not None:
        _warn(f"{name}/{before}")
    if not yes and before is not None:
        typer.confirm(f"Put version {before} of {name} back into service?", abort=True)
    _changed(name, registry.rollback(name))


def _resolve(name: str) -> str:
    """The model's name, with the checkout's root as working folder, where params.yaml and mlflow.db are."""
    if not tracking_store.enabled():
        raise RegistryError("DLFD_TRACKING=off hides the registry, which is MLflow's: unset it for this command")
    os.chdir(layout.root())
    return name or config.load().register.model_name


def _holder(known: list[registry.Version], name: str, alias: str) -> int:
    """The version with an alias.

    Raises:
        RegistryError: there is none.
    """
    if not known:
        raise RegistryError(registry.nothing_yet(name))
    for one in known:
        if alias in one.aliases:
            return one.number
    raise RegistryError(f"{name} has no {alias}: name a version of `dlfd models list`")


def _warn(model: str) -> None:
    if known := progress.service(model).known:
        told = f"{len(known)} open request(s) to be forgotten came after it, or it never forgot them"
        typer.secho(f"warning: {model} may still know who asked: {told} (`dlfd request list`)", fg="yellow", err=True)


def _changed(name: str, change: registry.Change) -> None:
    """Tell of a new champion, and enter it for the requests that it has forgotten."""
    typer.echo(f"champion of {name}: {_named(change.before)} -> version {change.after}")
    if done := progress.put_into_service(f"{name}/{change.after}").forgotten:
        typer.echo(f"{len(done)} open request(s) are forgotten in service (`dlfd request list`)")


def _named(number: int | None) -> str:
    return "none" if number is None else f"version {number}"


def _show(name: str, known: list[registry.Version]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{name} (validation figures)", title_justify="left")
    for title in ("version", "NoMUS", "forgetting", "accuracy"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("aliases", "method", "created", "revision"):
        table.add_column(title, overflow="fold")
    for one in known:
        figures = [_rounded(one.tags.get(key, "")) for key in (gate.NOMUS, gate.FORGETTING, gate.ACCURACY)]
        created = one.created.astimezone().strftime("%Y-%m-%d %H:%M")
        words = [", ".join(one.aliases), one.tags.get("method", ""), created, _short(one.tags.get("git.revision", ""))]
        table.add_row(str(one.number), *figures, *words)
    Console().print(table)


def _rounded(figure: str) -> str:
    if not figure:
        return ""
    return "none" if math.isnan(float(figure)) else f"{float(figure):.3f}"  # of few persons


def _short(revision: str) -> str:
    head, _, dirty = revision.partition("-")
    return head[:7] + ("*" if dirty else "")  # *: with uncommitted code
