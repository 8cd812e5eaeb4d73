"""`dlfd search`: better knobs of unlearning methods, chosen on the validation subset alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from stages.common import from_root, guarded

OUT = Path("reports/search")


@guarded
def search(
    methods: list[str] = typer.Argument(..., help="files of pipeline/unlearning/"),
    trials: int = typer.Option(20, min=1, help="of each method"),
    seeds: int = typer.Option(
        1, min=1, help="runs of each trial, whose figures are averaged; each costs as much again"
    ),
    folder: Path | None = typer.Option(None, help=f"gets <method>.csv, a row a trial  [default: {OUT}]"),
) -> None:
    """Try knobs of METHODS on the original model of the workspace (`dvc repro train@original`), TRIALS of each.

    Every trial costs one run of the method a seed. Chosen is the best NoMUS on validation among the trials that the
    gate's limits let pass; what params.yaml has, where none passes, or where that passes too and the best is ahead of
    it by less than .01. What is done is kept: the same command goes on where it was stopped.
    """
    from pipeline import config, layout
    from pipeline.data import splits as split_table
    from pipeline.search import choice as choosing
    from pipeline.search import trials as searching
    from stages.dvc_tools import data_import

    into = from_root(folder) if folder else OUT
    os.chdir(layout.root())
    params = config.load()
    chosen = {name: config.method_settings(name) for name in methods}
    splits = split_table.read(layout.SPLITS)
    for name, settings in chosen.items():
        found, choice = searching.search(name, settings, params, splits, trials, seeds, on_trial=_tell(name))
        path = choosing.write(found, name, into, data=data_import.name(), task=params.task)
        row = choice.row
        words = " ".join(f"-S {one}" for one in choosing.as_settings(row, name, settings))
        typer.echo(f"{name}: trial {row['trial']}, {_figures(row)}")
        typer.echo(f"  chosen as {choice.why}; all of them in {path}")
        typer.echo(f"  dvc exp run {words}" if words else "  it has no knob that is searched")


def _tell(name: str) -> Any:
    def tell(number: int, row: dict[str, Any]) -> None:
        typer.echo(f"{name}, trial {number}: {_figures(row)}", err=True)

    return tell


def _figures(row: Mapping[Any, Any]) -> str:
    accuracy, attack = row["validation_accuracy"], row["validation_mia_accuracy"]
    told = f"NoMUS {row['validation_nomus']:.3f} (accuracy {accuracy:.3f}, attack {attack:.3f}, all on validation)"
    return told if row["status"] == "finished" else f"{told}, {row['status']}"
