"""`dlfd table`: the paper's tables on the data in use (`dlfd data use`), as DVC experiments.

A cell that is done is not run again, in whichever commit it was, as long as INPUTS and its settings are the same.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import typer

from pipeline import config, layout, machine
from pipeline.errors import ConfigError, PipelineError
from pipeline.reference_tables.cells import read_cells, replaced
from pipeline.reference_tables.markdown import markdown, provenance
from pipeline.reference_tables.runs import Variant, variants
from pipeline.reference_tables.summary import summarise
from pipeline.reference_tables.title import Title
from stages.common import from_root, guarded
from stages.dvc_tools import data_import, experiments

OUT = Path("reports/tables")
KEPT = Path("results")  # in git, read by RESULTS.md
KNOBS = "knobs"  # column of cells: what a search chose for the model
INPUTS = (  # what the outcome of a cell depends on; a path that is not there counts as such
    "params.yaml",
    "dvc.yaml",
    "data.dvc",
    "datasets",  # a change reaches data.dvc only within the run, which imports anew
    str(layout.REQUESTS),
    str(layout.ERASURE),
    "pipeline",
    "stages",
)


@guarded
def table(
    number: int = typer.Argument(..., min=1, max=3, help="1: all methods; 2: architectures; 3: the parts of DLFD"),
    seeds: str = typer.Option("0,1,2", help="comma-separated"),
    setting: list[str] = typer.Option([], "--set", "-S", help="as for `dvc exp run`, such as train.epochs=100"),
    knobs: Path | None = typer.Option(None, help="folder of `dlfd search`, whose choice methods get"),
    name: str = typer.Option("", help="at the end write results/NAME.md and results/NAME-cells.csv, to be kept"),
    add: bool = typer.Option(False, "--add", help="with --name: add the seeds to that table, whose rows stay"),
    again: str | None = typer.Option(None, help="with --name: these methods of that table anew, whose other rows stay"),
) -> None:
    """Run every cell of a table and write it as Markdown and CSV, mean ± standard deviation over the seeds.

    The files are reports/tables/table<NUMBER>.md, .csv and -cells.csv (with --name, NAME in place of table<NUMBER>);
    they are there from the first cell on, with what is done.
    """
    knobs = from_root(knobs) if knobs else None
    os.chdir(layout.root())
    path, task, numbers = OUT / (name or f"table{number}"), _task(setting, config.load().task), _numbers(seeds)
    searched = _searched(knobs, task)
    _check_settings(number, setting, searched)
    given = [f" --name {name}" if name else "", f" --knobs {knobs}" if knobs else ""]
    options = "".join([*given, *(f" -S {one}" for one in setting)])
    title = Title(number, task, data_import.name(), options)
    anew = _methods(number, again, add) if again is not None else []
    rows = [_kept(name, numbers, searched, title, anew=anew)] if add or anew else []
    heading = title.of(sorted({*(seed for kept in rows for seed in kept["seed"]), *numbers}))
    cells = list(itertools.product(variants(number, anew or config.method_names()), numbers))
    for count, (variant, seed) in enumerate(cells, start=1):
        typer.echo(f"cell {count} of {len(cells)}")
        found = _cell(number, variant, seed, [*setting, *searched])
        wanted = variant.models or ([*layout.TRAINED, *anew] if anew else ())
        shown = found[found["model"].isin(wanted)] if wanted else found
        knobs_of = {KNOBS: shown["model"].map(lambda model: _knobs(model, searched))} if searched else {}
        shown = shown.assign(variant=variant.name, as_published=variant.as_published, seed=seed, **knobs_of)
        rows = [replaced(rows[0], shown, variant.name, seed)] if anew else [*rows, shown]
        typer.echo(_write(pd.concat(rows, ignore_index=True), path, task, heading))
    if name:  # only when whole: what is kept is never half a table
        _write(pd.concat(rows, ignore_index=True), KEPT / name, task, heading)


def _cell(number: int, variant: Variant, seed: int, settings: list[str]) -> pd.DataFrame:
    """The comparison of one run of the pipeline, which is done unless an experiment with the same settings is there."""
    chosen = [*settings, f"seed={seed}", *variant.settings]
    words = re.sub(r"[^a-z0-9]+", "-", f"table{number} {variant.name} seed{seed}".lower()).strip("-")
    inputs = experiments.git("ls-tree", "HEAD", *INPUTS), experiments.git("diff", "HEAD", "--", *INPUTS)
    name = f"{words}-{hashlib.sha256(chr(10).join([*chosen, *inputs]).encode()).hexdigest()[:8]}"
    if experiments.references(name):
        typer.echo(f"{name}: done before")
    else:
        typer.echo(f"{name}: {' '.join(chosen)}")
        options = [word for one in chosen for word in ("-S", one)]
        ended = subprocess.run([sys.executable, "-m", "dvc", "exp", "run", "--temp", "--name", name, *options])
        if ended.returncode != 0 or not experiments.references(name):
            raise PipelineError(f"{name} failed; what is done is kept: mend it and give the same command again")
    return experiments.cell(experiments.references(name)[-1])


def _methods(number: int, names: str, add: bool) -> list[str]:
    """Of `--again`."""
    chosen, known = [name.strip() for name in names.split(",")], config.method_names()
    if add:
        raise ConfigError("--again takes seeds that the table has and --add others: give one of them, then the other")
    if unknown := sorted(set(chosen) - set(known)):
        raise ConfigError(f"--again: there is no method {unknown[0]!r}; there are {', '.join(known)}")
    if len(set(chosen)) < len(chosen):
        raise ConfigError(f"--again {names}: a method stands there twice")
    if number == 3:
        raise ConfigError("--again: table 3 is of DLFD alone; run it without --again")
    return chosen


def _kept(name: str, seeds: list[int], searched: list[str], title: Title, *, anew: list[str]) -> pd.DataFrame:
    """The cells of a kept table that gets more seeds, or methods of which are run again.

    Args:
        searched: what a search chose for the cells to come.
        title: that it must have, with whatever seeds.
        anew: methods that are run again; without any, seeds are added.

    Raises:
        ConfigError: there is none, it is of something else or of other knobs, has one of the seeds to be added or
            lacks a row that is to be run again, or original or oracle beside it.
    """
    option, page = "--again" if anew else "--add", KEPT / f"{name}.md"
    if not name or not page.exists():
        raise ConfigError(
            f"{option}: there is no {page}; without {option} it is made" if name else f"{option} needs --name"
        )
    text = page.read_text(encoding="utf-8")
    if not title.begins(text):
        raise ConfigError(f"{option}: {page} is of other data or settings: {text.partition(chr(10))[0]}")
    cells = read_cells(KEPT / f"{name}-cells.csv")
    if anew:
        _check_rows(page, cells, [*layout.TRAINED, *anew], seeds)
    elif both := sorted({*cells["seed"]} & {*seeds}):
        raise ConfigError(f"--add: {page} has seed {both[0]} already; leave it out")
    others = cells[~(cells["model"].isin(anew) & cells["seed"].isin(seeds))]
    if searched and KNOBS not in cells:
        raise ConfigError(f"{option}: {page} does not tell the knobs of its methods; run the whole table")
    told = zip(others["model"], others[KNOBS].astype("string").fillna(""), strict=True) if searched else ()
    for model, knobs in told:
        if set(knobs.split()) != set((today := _knobs(model, searched)).split()):  # in the order of fields of that day
            raise ConfigError(f"{option}: {page} has {model} with {knobs}; the search has since chosen {today}")
    return cells.assign(variant=cells["variant"].fillna(""))


def _check_rows(page: Path, cells: pd.DataFrame, models: list[str], seeds: list[int]) -> None:
    """One row of each model for every variant and seed, so that it is known what takes which row's place."""
    if lacking := sorted({*seeds} - {*cells["seed"]}):
        raise ConfigError(f"--again: {page} has no seed {lacking[0]}; add it with --add")
    cells = cells[cells["seed"].isin(seeds)]
    for (variant, seed), rows in cells.groupby(["variant", "seed"], dropna=False):
        counts = rows["model"].value_counts()
        if wrong := [model for model in models if counts.get(model, 0) != 1]:
            of = f"seed {seed}" + (f", {variant}" if isinstance(variant, str) else "")
            raise ConfigError(f"--again: {page} has {counts.get(wrong[0], 0)} rows of {wrong[0]} for {of}, not one")


def _knobs(model: str, searched: list[str]) -> str:
    """What a search chose for a model, in one text; empty where it chose nothing."""
    return " ".join(one for one in searched if one.startswith(f"{model}."))


def _searched(folder: Path | None, task: str) -> list[str]:
    """What a search chose, as `dvc exp run -S` takes it."""
    if folder is None:
        return []
    from pipeline.search import choice

    settings = {name: config.method_settings(name) for name in config.method_names()}
    return choice.chosen(folder, settings, data=data_import.name(), task=task)


def _check_settings(number: int, settings: list[str], searched: list[str]) -> None:
    """A setting that the table itself varies, or that is given twice, would be overruled without a word."""
    varied = {"seed", *(one.partition("=")[0] for v in variants(number, []) for one in v.settings)}
    given, found = ({one.partition("=")[0].lstrip("+~") for one in these} for these in (settings, searched))
    if overlap := sorted(varied & (given | found)):
        raise ConfigError(f"-S {overlap[0]}=…: table {number} sets it itself; leave it out (seeds: --seeds)")
    if twice := sorted(given & found):
        raise ConfigError(f"-S {twice[0]}=…: --knobs sets it too; leave one of them out")


def _write(cells: pd.DataFrame, path: Path, task: str, heading: str) -> str:
    """Write <path>.md, <path>-cells.csv and, of what is not kept, <path>.csv; returns the Markdown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    summary = summarise(cells, task)
    cells.to_csv(f"{path}-cells.csv", index=False)
    if path.parent == OUT:
        summary.to_csv(f"{path}.csv", index=False)
    text = markdown(summary, heading, provenance(cells, machine.told()))
    Path(f"{path}.md").write_text(text, encoding="utf-8")
    return text


def _numbers(seeds: str) -> list[int]:
    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        numbers = []
    if not numbers or len(set(numbers)) < len(numbers):
        raise ConfigError(f"--seeds {seeds!r}: different numbers with commas between, such as 0,1,2")
    return numbers


def _task(settings: list[str], default: str) -> str:
    return next((one.partition("=")[2] for one in settings if one.startswith("task=")), default)
