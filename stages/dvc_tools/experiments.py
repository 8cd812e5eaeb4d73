"""What an experiment of DVC left in git: the cell of a table, what the gate says of it, the code that it ran."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pandas as pd

from pipeline import config, layout
from pipeline.errors import PipelineError
from pipeline.reference_tables.cells import PASSES
from pipeline.registry import gate
from pipeline.settings import RegisterSettings

COMPARISON = "reports/comparison.csv"
CODE = ("dvc.yaml", "pipeline", "stages")


def references(name: str = "*", folder: Path = Path()) -> list[str]:
    """Git references of the experiments of a checkout with this name, of whichever commit."""
    return git("for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}", folder=folder).split()


def cell(reference: str, folder: Path = Path()) -> pd.DataFrame:
    """The comparison of an experiment and two columns more, each empty where it is not known.

    `gate`: PASSES, or every reason why the gate refuses a method. `revision`: the last commit of the code it ran and of
    the settings it started from, which a commit of data or words after it leaves as it was.
    """
    text = git("show", f"{reference}:{COMPARISON}", folder=folder)
    table = pd.read_csv(io.StringIO(text))
    return table.assign(gate=_answers(reference, folder, table["model"].tolist()), revision=_code(reference, folder))


def git(*arguments: str, folder: Path = Path()) -> str:
    """What git prints in a checkout.

    Raises:
        PipelineError: it fails.
    """
    ended = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True)
    if ended.returncode:
        raise PipelineError(f"`git {' '.join(arguments)}` failed: {ended.stderr.strip()}")
    return ended.stdout


def _answers(reference: str, folder: Path, models: list[str]) -> pd.Series:
    """Of the gate as the experiment's own params.yaml has it."""
    kept = git("ls-tree", "--name-only", reference, f"{layout.METRICS}/", folder=folder).split()
    if any(f"{layout.METRICS}/{name}.json" not in kept for name in models):
        return pd.Series(index=range(len(models)), dtype=object)
    shown = {name: git("show", f"{reference}:{layout.METRICS}/{name}.json", folder=folder) for name in models}
    metrics = {name: json.loads(text) for name, text in shown.items()}
    settings = config.parsed(git("show", f"{reference}:params.yaml", folder=folder))["register"]
    methods = {
        name: told
        for name, told in metrics.items()
        if name not in layout.TRAINED and all(figure in told for figure in gate.FIGURES)
    }
    reasons = gate.decide(metrics["original"], methods, RegisterSettings(**settings)).reasons
    return pd.Series([("; ".join(reasons[name]) or PASSES) if name in reasons else None for name in models])


def _code(reference: str, folder: Path) -> str:
    commit = git("log", "-1", "--format=%h", f"{reference}^", "--", *CODE, "params.yaml", folder=folder).strip()
    changed = git("diff", "--name-only", f"{reference}^", reference, "--", *CODE, folder=folder)
    return f"{commit} and changes" if changed else commit
