"""What `dlfd erase` would take away: found, and shown, before anything is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from pipeline import config, layout
from pipeline.data import removal
from pipeline.data.removal import Pictures
from pipeline.erasure import purge, tombstones
from pipeline.erasure.requests import Request
from pipeline.erasure.scan import walk
from pipeline.errors import EraseError
from pipeline.registry import evidence, version_purge, versions
from stages.cli import rounds
from stages.dvc_tools import data_import, purging, reach

LOCAL = Path(".dlfd-erase")  # scratch, on the checkout's disk


@dataclass(frozen=True)
class Plan:
    """What will go.

    Attributes:
        due: requests; `along`: those of persons who share pictures with theirs, which are closed as well.
        persons: as far as the store has them.
        raw: place of raw data -> pictures of theirs in it; `imported`: where data/ comes from, empty where not.
        mlflow, kept: what MLflow and DVC have.
        traces: of everything, to be found nowhere afterwards.
        name: of the registered model.
    """

    due: purge.Due
    along: list[Request]
    persons: purge.Persons
    raw: dict[Path, Pictures]
    imported: str
    mlflow: version_purge.Remains
    kept: purging.Kept
    traces: tombstones.Traces
    name: str


def find(name: str) -> Plan | None:
    """What there is to erase; None, with a word why, where it is nothing."""
    known = versions.every(name)
    champion = versions.champion(known)
    due = purge.due(f"{name}/{champion.number}" if champion else "")
    if champion is None or not due.ready:
        _note(due.waiting, purge.along(due.waiting, ()))
        typer.echo("nothing to erase: no open request is in service")
        return None
    rounds.base_from(name, champion)  # can it be started from? Once pictures are gone it would be too late to find out
    persons = purge.persons(due.ready, config.load().split.forget_persons)
    along = purge.along(due.waiting, persons.keys)
    _note([one for one in due.waiting if one not in along])
    by_name = version_purge.registered(name)
    keep = version_purge.to_keep(name, by_name, due.ready)
    if due.model not in keep:
        raise EraseError(
            f"the evidence of {due.model} cannot be read, or names fewer persons than {layout.PROGRESS} says that it "
            "has forgotten (lines of another registry?): `dvc repro`, and promote what it registers; or "
            f"{evidence.ANEW}"
        )
    seal = tombstones.seal(persons.traces)
    imported = data_import.source()
    raw = {place: _pictures(place, seal) for place in reach.raw_places(imported)}
    mlflow = version_purge.find(name, keep)
    kept = purging.inspect()
    every = {f"{one}/{version.number}": version for one, own in by_name.items() for version in own}
    return Plan(due, along, persons, raw, imported, mlflow, kept, _traces(persons, raw, mlflow, every, keep), name)


def _note(waiting: list[Request], erased: Sequence[Request] = ()) -> None:
    """Say what is open and stays so.

    Args:
        erased: those of them whose data are gone.
    """
    if later := len(waiting) - len(erased):
        told = f"{later} open request(s) are not in service and stay: forget and promote first"
        typer.secho(f"note: {told} (`dlfd request list`)", fg="yellow", err=True)
    if erased:
        told = f"{len(erased)} open request(s) are of persons who are erased already: the next erasing closes them"
        typer.secho(f"note: {told}", fg="yellow", err=True)


def _pictures(place: Path, seal: tombstones.Seal) -> Pictures:
    LOCAL.mkdir(exist_ok=True)
    try:
        return removal.find(place, LOCAL, lambda person: seal.holds(tombstones.PERSON, person))
    finally:
        purging.delete(LOCAL)


def _traces(
    persons: purge.Persons,
    raw: dict[Path, Pictures],
    mlflow: version_purge.Remains,
    known: dict[str, versions.Version],
    keep: set[str],
) -> tombstones.Traces:
    """With the files of models: of those that go, but for what a model that is kept has too, and the oracles'.

    Args:
        known: all versions of every name, by `name/number`; `keep`: those that stay.
    """
    kept_hashes = {one.tags.get(versions.WEIGHTS_SHA, "") for model, one in known.items() if model in keep}
    kept_folders = [path for place in mlflow.locations for path in (place / "models").glob("m-*")]
    for folder in kept_folders:
        if folder not in mlflow.folders:
            kept_hashes |= purge.weights_in(folder)
    oracles = [layout.MODELS / "retrained", *layout.YARDSTICKS.glob("oracle-*")]
    for folder in oracles:
        kept_hashes |= purge.weights_in(folder)
    weights = {one.tags.get(versions.WEIGHTS_SHA, "") for one in known.values()} - {""}
    for folder in (layout.WORKSPACE, *mlflow.folders):
        weights |= purge.weights_in(folder)
    files = {digest for pictures in raw.values() for digest in pictures.hashes}
    return replace(persons.traces, files=frozenset(files), weights=frozenset(weights - kept_hashes))


def show(plan: Plan) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    mlflow, kept = plan.mlflow, plan.kept
    table = Table("to be erased", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("how many", justify="right")
    table.add_column("size", justify="right")
    table.add_column("where", overflow="fold")
    people = f"{len(plan.persons.keys)} person(s)"
    table.add_row("pictures in the store", str(plan.persons.images), "", f"{layout.FACES}, of {people}")
    for place, pictures in plan.raw.items():
        table.add_row("raw pictures", str(len(pictures.paths)), size_of(pictures.size), str(place))
    told = ", ".join(mlflow.versions) or "-"
    table.add_row("model versions", str(len(mlflow.versions)), size_of(mlflow.size), told)
    table.add_row("models and artifacts in MLflow", str(len(mlflow.models)), "", "that no version is kept for")
    pictures_of_runs = sum(len(paths) for paths in mlflow.shown.values())
    table.add_row(
        "pictures and pages of runs", str(pictures_of_runs), "", f"{len(mlflow.runs)} deleted run(s) as a whole"
    )
    workspace = list(walk([layout.WORKSPACE]))
    size = sum(path.stat().st_size for path in workspace)
    table.add_row(
        "files of the workspace", str(len(workspace)), size_of(size), "splits, models, evaluations, checkpoints"
    )
    table.add_row("objects in DVC's cache", f"≤ {kept.objects}", size_of(kept.size), f"{kept.cache}, all but raw data")
    table.add_row("experiments", str(len(kept.experiments)), "", "with queues, stashes and the run-cache")
    for name, address in kept.remotes.items():
        table.add_row("remote", name, "", f"{address}: all that the workspace does not use")
    Console(width=110).print(table)
    along = f", and {len(plan.along)} of persons who share pictures with them" if plan.along else ""
    told = f"{len(plan.due.ready)} request(s){along}; {plan.due.model} stays in service"
    typer.echo(f"{told}. Metrics, ledger and certificates stay.")
    typer.echo("Out of reach, see to them yourself:")
    for sentence in reach.out_of_reach(plan.imported, plan.raw, mlflow.remote, kept.remotes):
        typer.echo(f"  - {sentence}")


def size_of(count: float) -> str:
    """Bytes in a unit that is read easily: `3.2 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
