"""`dlfd request`: who asked to be forgotten, and how far each request is."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from pipeline import layout
from pipeline.erasure import intake, requests
from pipeline.erasure.requests import Request
from stages.common import guarded

app = typer.Typer(no_args_is_help=True, help=__doc__)
REASON = typer.Option("", help="in words; it goes into git, so no name of a person")
LEARNED_AGAIN = ("unlearned", "verified", "in service")


@app.callback()
def group() -> None:
    """Who asked to be forgotten, and how far each request is."""


@app.command()
@guarded
def add(
    persons: list[str] = typer.Argument(..., metavar="PERSON…", help="person keys of the store"),
    reason: str = REASON,
    due: str = typer.Option("", help="such as 2026-12-31; default: in 30 days (GDPR art. 12)"),
) -> None:
    """Enter a request for each PERSON. Either all of them are entered or, where one cannot be, none."""
    _enter([intake.Ask(person, reason, due) for person in persons])


@app.command("import")
@guarded
def import_file(file: Path = typer.Argument(..., help="CSV with the columns person, reason, due")) -> None:
    """Enter all requests of a file, or none: every problem is named at once."""
    _enter(intake.read_file(file.expanduser().absolute()))


@app.command("list")
@guarded
def list_requests(every: bool = typer.Option(False, "--all", help="those withdrawn and erased too")) -> None:
    """Requests by due date; overdue ones are marked. The next `dvc repro` forgets all that are open."""
    os.chdir(layout.root())
    _tell_torn()
    known = requests.read()
    shown = [request for request in known if request.open or every]
    if shown:
        _table(shown)
    opened = sum(request.open for request in known)
    late = sum(request.overdue() for request in known)
    typer.echo(f"{opened} open, {late} overdue, {len(known) - opened} closed" + ("" if every else " (--all)"))


@app.command()
@guarded
def show(name: str = typer.Argument(..., metavar="REQUEST", help="id, a person key, or a part of an id")) -> None:
    """One request with everything that happened to it."""
    os.chdir(layout.root())
    _tell_torn()
    request = intake.find(name, requests.read())
    typer.echo(f"request  {request.id}{'  OVERDUE' if request.overdue() else ''}")
    for title, value in (
        ("state", request.state),
        ("person", request.person),
        ("due", request.due),
        ("reason", request.reason),
        ("model", request.model),
    ):
        typer.echo(f"{title:<9}{value or '-'}")
    for event in request.events:
        typer.echo("  ".join(filter(None, [event.time, f"{event.event:<14}", event.model, event.reason])).rstrip())
    if request.state == "received":
        typer.echo("Next: dvc repro (reports/registration.json says why a model was refused)")


@app.command()
@guarded
def withdraw(
    names: list[str] = typer.Argument(..., metavar="REQUEST…", help="ids, person keys, or parts of ids"),
    reason: str = REASON,
) -> None:
    """Withdraw requests: their persons are no longer forgotten."""
    os.chdir(layout.root())
    for before in intake.withdraw(names, reason):
        typer.echo(f"request {before.id} is withdrawn")
        if before.state in LEARNED_AGAIN:
            told = f"{before.model} has forgotten the person already ({before.state})"
            typer.secho(f"note: {told}; the next model may learn them again", fg="yellow", err=True)
    _next()


def _enter(asked: list[intake.Ask]) -> None:
    from pipeline.data import store

    os.chdir(layout.root())
    added = intake.add(asked, store.open(layout.FACES).table)
    if added.torn:
        typer.secho("warning: an unfinished last line, of a writer that was killed, was cut off", fg="yellow", err=True)
    for ask, request in zip(asked, added.requests, strict=True):
        typer.echo(f"request {request.id}: {ask.person} ({request.person}), due {request.due}")
    for note in added.notes:
        typer.secho(f"note: {note}", fg="yellow", err=True)
    _next()


def _next() -> None:
    typer.echo(f"Next: dvc repro      (and `git add {layout.REQUESTS}` to keep it)")


def _tell_torn() -> None:
    for sentence in requests.torn():
        typer.secho(f"warning: {sentence}", fg="yellow", err=True)


def _table(shown: list[Request]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    title = "Requests to be forgotten"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.show_edge = False  # room for keys and reasons in 80 columns
    for title in ("request", "due", "state", "model", "person", "reason"):
        table.add_column(title, overflow="fold", no_wrap=title in ("request", "due"))
    for one in shown:
        due = f"{one.due} (overdue)" if one.overdue() else one.due
        table.add_row(one.id, due, one.state, one.model, one.person, one.reason)
    Console().print(table)
