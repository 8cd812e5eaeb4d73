"""`dlfd table`: the paper's tables on the data in use, as DVC experiments. A cell that is done is not run again."""

from __future__ import annotations

import hashlib
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
    """The comparison of one run of the pipeline, which is done unless an experiment with the same settings is there."""
    chosen = [f"seed={seed}", *variant.settings, *settings]
    words = re.sub(r"[^a-z0-9]+", "-", f"table{number} {variant.name} seed{seed}".lower()).strip("-")
    fingerprint = hashlib.sha256("\n".join([*chosen, _git("diff", "HEAD")]).encode()).hexdigest()[:8]
    name, head = f"{words}-{fingerprint}", _git("rev-parse", "HEAD").strip()
    ref = f"refs/exps/{head[:2]}/{head[2:]}/{name}"  # where DVC keeps an experiment
    if _git("for-each-ref", ref):
        typer.echo(f"{name}: done before")
    else:
        typer.echo(f"{name}: {' '.join(chosen)}")
        options = [word for one in chosen for word in ("-S", one)]
        ended = subprocess.run([sys.executable, "-m", "dvc", "exp", "run", "--temp", "--name", name, *options])
        if ended.returncode != 0 or not _git("for-each-ref", ref):
            raise PipelineError(f"{name} failed; what is done is kept: mend it and give the same command again")
    return pd.read_csv(io.StringIO(_git("show", f"{ref}:{COMPARISON}")))


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


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
