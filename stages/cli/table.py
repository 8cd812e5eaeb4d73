"""`dlfd table`: the paper's tables on the data in use, as DVC experiments. What DVC has in its cache is not run again."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import typer

from pipeline import config, reference_tables, tracking_store
from pipeline.errors import ConfigError, PipelineError
from stages.common import guarded

OUT = Path("reports/tables")
COMPARISON = "reports/comparison.csv"


@guarded
def table(
    number: int = typer.Argument(..., min=1, max=3, help="1: all methods; 2: architectures; 3: the parts of DLFD"),
    seeds: str = typer.Option("0,1,2", help="comma-separated"),
    setting: list[str] = typer.Option([], "--set", "-S", help="as for `dvc exp run`, such as train.epochs=100"),
) -> None:
    """Run every cell of a table and write it as Markdown and CSV, mean ± standard deviation over the seeds."""
    os.chdir(tracking_store.root())
    params = config.load()
    rows = []
    for variant in reference_tables.variants(number, config.method_names()):
        for seed in _numbers(seeds):
            found = _cell(number, variant, seed, setting)
            shown = found[found["model"].isin(variant.models)] if variant.models else found
            rows.append(shown.assign(variant=variant.name, seed=seed))
            _write(pd.concat(rows, ignore_index=True), number, _task(setting, params.task))


def _cell(number: int, variant: reference_tables.Variant, seed: int, settings: list[str]) -> pd.DataFrame:
    """The comparison of one run of the pipeline."""
    name = re.sub(r"[^a-z0-9]+", "-", f"table{number} {variant.name} seed{seed}".lower()).strip("-")
    typer.echo(f"{name}: {' '.join([*variant.settings, *settings])}")
    chosen = [word for one in (f"seed={seed}", *variant.settings, *settings) for word in ("-S", one)]
    command = [sys.executable, "-m", "dvc", "exp", "run", "--temp", "--force", "--name", name, *chosen]
    if (code := subprocess.run(command).returncode) != 0:
        raise PipelineError(
            f"{name} failed (exit {code}); what is done is kept: mend it and run the same command again"
        )
    shown = subprocess.run(
        ["git", "show", f"{_revision(name)}:{COMPARISON}"], capture_output=True, text=True, check=True
    )
    return pd.read_csv(io.StringIO(shown.stdout))


def _revision(experiment: str) -> str:
    """The commit of an experiment: refs/exps/<first two>/<rest>/<name>."""
    listed = subprocess.run(
        ["git", "for-each-ref", "--sort=-committerdate", "--format=%(refname)", "refs/exps"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for ref in listed.stdout.split():
        if ref.rpartition("/")[2] == experiment:
            return ref
    raise PipelineError(f"DVC has no experiment {experiment}: see `dvc exp show`")


def _write(cells: pd.DataFrame, number: int, task: str) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    summary = reference_tables.summarise(cells, task)
    cells.to_csv(OUT / f"table{number}-cells.csv", index=False)
    summary.to_csv(OUT / f"table{number}.csv", index=False)
    text = reference_tables.markdown(summary, f"Table {number}: {task}")
    (OUT / f"table{number}.md").write_text(text, encoding="utf-8")
    typer.echo(text)


def _numbers(seeds: str) -> list[int]:
    try:
        return [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise ConfigError(f"--seeds {seeds!r}: numbers with commas between, such as 0,1,2") from None


def _task(settings: list[str], default: str) -> str:
    return next((one.partition("=")[2] for one in settings if one.startswith("task=")), default)
