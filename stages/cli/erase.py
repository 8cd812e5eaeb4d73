"""`dlfd erase` and `dlfd scan`: the data of the forgotten go as well, and nothing of them is found afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import typer

from pipeline import layout
from pipeline.data import removal, removal_tables
from pipeline.erasure import purge, tombstones
from pipeline.erasure.scan import Report, walk
from pipeline.erasure.scan import scan as look
from pipeline.errors import EraseError
from pipeline.progress import progress
from pipeline.registry import version_purge
from stages.cli import erase_plan, rounds
from stages.cli.erase_plan import Plan, size_of
from stages.cli.registered import resolve
from stages.common import guarded
from stages.dvc_tools import data_import, purging, reach

PROJECT = typer.Option([], "--project", help="another checkout that uses the same DVC cache; what it uses stays")


@guarded
def erase(
    yes: bool = typer.Option(False, "--yes", "-y", help="do it; without, it is only told what would go"),
    project: list[Path] = PROJECT,
) -> None:
    """Erase the data of everybody whose request is in service, and every model and copy that remembers them."""
    projects = [one.resolve() for one in project]  # as they were typed, before the working folder changes
    os.chdir(layout.root())
    name = resolve()
    with purging.alone():
        _erase(name, projects, yes=yes)


@guarded
def scan() -> None:
    """Look for everything that was ever erased: in the checkout, DVC's cache, local remotes and MLflow's artifacts."""
    os.chdir(layout.root())
    if not tombstones.read():
        typer.echo("nothing has been erased yet, so there is nothing to look for")
        return
    kept = purging.inspect()
    _tell(_look(kept), kept)


def _erase(name: str, projects: list[Path], *, yes: bool) -> None:
    with _rewriting("the raw data"):
        for place in reach.finish_removals(data_import.source()):
            typer.echo(f"{place}: finished what an erasing that was stopped had begun")
    plan = erase_plan.find(name)
    if plan is None:
        return
    erase_plan.show(plan)
    if purging.shared(plan.kept.cache) and not projects:
        told = f"the DVC cache {plan.kept.cache} lies outside of this checkout, and others may use it"
        if yes:
            raise EraseError(f"{told}: name their checkouts with --project, so that theirs stays")
        typer.secho(f"warning: {told}: --yes will want --project", fg="yellow", err=True)
    if yes:
        _do(plan, projects)
    else:
        typer.echo("Nothing of this has been done yet. To do it: dlfd erase --yes")


def _do(plan: Plan, projects: list[Path]) -> None:
    """Each step can be repeated; what has to be known afterwards is written before anything is removed."""
    tombstones.add(_lines(plan.traces))
    typer.echo(f"{layout.ERASED} keeps them out from now on")
    _erase_raw(plan)
    typer.echo("starting point of the next round:")
    rounds.begin(plan.name)
    version_purge.remove(plan.mlflow)
    typer.echo(f"MLflow: {len(plan.mlflow.versions)} version(s), {len(plan.mlflow.models)} model(s) removed")
    purging.clear_workspace()
    purging.forget_experiments()
    typer.echo("building the store and dvc.lock anew …")
    purging.rebuild()
    purging.collect(plan.kept, projects)
    report = _look(plan.kept)
    _tell(report, plan.kept)
    closed = purge.enter(plan.due.ready, plan.due.model, _evidence(report, plan.kept))
    typer.echo(f"{len(closed)} request(s): data erased")
    typer.echo(
        f"Next: git add --update {layout.ERASURE} && git commit      (dvc.lock, {layout.REQUESTS}, data.dvc too)"
    )


def _lines(traces: tombstones.Traces) -> set[tuple[str, str]]:
    """Of erased.csv: what is erased, and the person of what may stand in, so that the store takes no black picture."""
    from pipeline import pseudonyms

    persons = traces.persons | {removal_tables.STAND_IN}
    return replace(traces, persons=persons).digests(pseudonyms.load())


@contextmanager
def _rewriting(place: Path | str) -> Iterator[None]:
    """What a file system refuses, as one message with its remedy."""
    try:
        yield
    except OSError as error:
        raise EraseError(f"{place} cannot be rewritten ({error}): see its rights and give the command again") from None


def _erase_raw(plan: Plan) -> None:
    seal = tombstones.seal()

    def erased(person: str) -> bool:
        return seal.holds(tombstones.PERSON, person)

    for place, pictures in plan.raw.items():
        if not pictures.paths:
            continue
        with _rewriting(place):
            blank = removal.remove(place, erased)
        typer.echo(f"{place}: {len(pictures.paths)} picture(s) removed")
        if blank:
            told = "its tables still name them, and black pictures stand in their places"
            typer.secho(f"note: {place}: {told}", fg="yellow", err=True)
    if layout.RAW in plan.raw and not reach.drawn():
        purging.cut_import()


def _look(kept: purging.Kept) -> Report:
    places = reach.scanned(kept)
    total = sum(1 for _ in walk(places))
    with progress("scanning", total, "files") as advance:
        return look(places, tombstones.seal(), advance)


def _tell(report: Report, kept: purging.Kept) -> None:
    """Raises EraseError: something was found."""
    told = f"scanned {report.files} files ({size_of(report.size)}), {report.members} members of archives, "
    typer.echo(f"{told}{report.pictures} pictures, {report.tables} tables with persons: {len(report.found)} found")
    unread = [f"could not be looked into: {one}" for one in report.unread]
    for sentence in [*unread, *reach.unscanned(kept.remotes)]:
        typer.secho(sentence, fg="yellow", err=True)
    if report.found:
        shown = "".join(f"\n  - {one}" for one in report.found[:50])
        raise EraseError(f"{len(report.found)} trace(s) of the erased are left; remove them and scan again:{shown}")


def _evidence(report: Report, kept: purging.Kept) -> str:
    """For the ledger: what was looked at, and what could not be."""
    unread = f", {len(report.unread)} could not be looked into" if report.unread else ""
    remotes = reach.unscanned(kept.remotes)
    unscanned = f", {len(remotes)} remote(s) not scanned" if remotes else ""
    return f"{report.files} files scanned, nothing found{unread}{unscanned}"
