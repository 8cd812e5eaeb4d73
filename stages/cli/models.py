"""`dlfd models`: the model registry. What passed the acceptance gate, and what is in service."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline import config, layout
from pipeline.certificates import files, signing
from pipeline.erasure import rounds
from pipeline.registry import evidence, gate, promotion, service_record, versions
from pipeline.registry.versions import Version
from stages.cli.certificate import KEY, tell_certificate
from stages.cli.registered import NAME, resolve
from stages.common import guarded

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

app = typer.Typer(no_args_is_help=True, help=__doc__)
YES = typer.Option(False, "--yes", "-y", help="do not ask")


@app.callback()
def group() -> None:
    """The model registry. What passed the acceptance gate, and what is in service."""


@app.command("list")
@guarded
def list_versions(name: str = NAME) -> None:
    """All registered versions, newest first, with their aliases and validation figures."""
    os.chdir(layout.root())
    name = resolve(name)
    known = versions.every(name)
    if not known:
        typer.echo(versions.nothing_yet(name))
        return
    _show(name, known)


@app.command()
@guarded
def promote(
    version: int | None = typer.Argument(None, help="default: the candidate"),
    name: str = NAME,
    yes: bool = YES,
    key: Path | None = KEY,
    force: str | None = typer.Option(
        None,
        metavar="WHY",
        help="promote a version that is refused; the reason is kept for good, so no name of a person",
    ),
) -> None:
    """Put VERSION into service: it becomes the champion and gets a certificate. Again, it completes what was killed."""
    signer = _signer(key)  # of a path as it was typed, before the working folder changes
    os.chdir(layout.root())
    name = resolve(name)
    plan = promotion.plan_promotion(name, version, config.load().register, force)
    tags = plan.version.tags
    if plan.in_service:
        typer.echo(f"version {plan.version.number} of {name} is the champion already")
    else:
        nomus = _rounded(tags.get(gate.NOMUS, "")) or "?"
        told = f"version {plan.version.number} of {name}: {tags.get('method', '?')}, validation NoMUS {nomus}"
        typer.echo(f"{told}, verdict {tags.get(evidence.VERDICT) or '?'}")
        for reason in plan.entry.overruled:
            _say(f"against it, and overruled: {reason}")
        _warn(name, plan.version)
        if not yes:
            typer.confirm(f"Make it the champion in place of {_named(plan.before)}?", abort=True)
    _carry_out(plan, signer)
    typer.echo(f"Serve it: mlflow models serve -m models:/{name}@{versions.CHAMPION} --env-manager local")


@app.command()
@guarded
def rollback(name: str = NAME, yes: bool = YES, key: Path | None = KEY) -> None:
    """Back to the newest earlier version that passed the gate, is intact and has forgotten everything due."""
    signer = _signer(key)  # of a path as it was typed, before the working folder changes
    os.chdir(layout.root())
    name = resolve(name)
    plan = promotion.plan_rollback(name)
    if plan.in_service:
        typer.echo(f"the rollback of {name} to version {plan.version.number} was not finished: it is now")
    else:
        for number, reasons in plan.skipped.items():
            _say(f"version {number} is passed over: {'; '.join(reasons)}")
        _warn(name, plan.version)
        if not yes:
            typer.confirm(f"Put version {plan.version.number} of {name} back into service?", abort=True)
    _carry_out(plan, signer)
    if (start := rounds.read().model) and start != f"{name}/{plan.version.number}":
        _say(f"{layout.ROUND} still starts rounds from {start}: `dlfd round start` takes the one in service")


@app.command()
@guarded
def history(name: str = NAME) -> None:
    """What was in service, since when, and what was forced and why."""
    os.chdir(layout.root())
    name = resolve(name)
    entries = service_record.read(name)
    if not entries:
        typer.echo(f"no version of {name} was put into service yet: `dlfd models promote`")
    for entry in entries:
        told = f"{entry.time}  {entry.action:<8}  {_named(entry.before)} -> version {entry.after}"
        typer.echo(told + ("" if entry.finished else "  (not finished)"))
        if entry.forced:
            typer.echo(f"    forced: {entry.forced}")
            for reason in entry.overruled:
                typer.echo(f"    against it: {reason}")


def _signer(path: Path | None) -> Ed25519PrivateKey | None:
    """The key, before anything is changed."""
    return signing.signer(path.expanduser().absolute() if path else None)


def _warn(name: str, version: Version) -> None:
    if known := evidence.service(name, version).known:
        told = f"{len(known)} open request(s) to be forgotten came after it, or it never forgot them"
        _say(f"{name}/{version.number} may still know who asked: {told} (`dlfd request list`)")


def _say(warning: str) -> None:
    typer.secho(f"warning: {warning}", fg="yellow", err=True)


def _carry_out(plan: promotion.Plan, signer: Ed25519PrivateKey | None) -> None:
    """Make the change, and tell of it."""

    def certify(plan: promotion.Plan) -> None:
        asked = [one.id for one in evidence.service(plan.name, plan.version).forgotten]
        if not plan.entry.finished or not files.are_current(plan.name, plan.version.number, asked):
            tell_certificate(files.issue(plan.name, plan.version.number, signer, plan.entry), signer)

    done = promotion.carry_out(plan, certify)
    if not plan.in_service:
        typer.echo(f"champion of {plan.name}: {_named(done.change.before)} -> version {done.change.after}")
    if done.service.forgotten:
        typer.echo(f"{len(done.service.forgotten)} open request(s) are forgotten in service (`dlfd request list`)")


def _named(number: int | None) -> str:
    return "none" if number is None else f"version {number}"


def _show(name: str, known: list[versions.Version]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    title = f"{name} (validation figures)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.show_edge = False  # all that makes it fit into 80 columns
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
