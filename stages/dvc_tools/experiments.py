"""What an experiment of DVC left in git: the cell of a table, what the gate says of it, the code that it ran."""

from __future__ import annotations

import io
import json
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import config, layout
from pipeline.errors import PipelineError
from pipeline.reference_tables.cells import FURTHER, gate_answer
from pipeline.registry import gate
from pipeline.settings import RegisterSettings

COMPARISON = "reports/comparison.csv"
CODE = ("dvc.yaml", "pipeline", "stages")


def references(name: str = "*", folder: Path = Path()) -> list[str]:
    """Git references of the experiments of a checkout with this name, of whichever commit."""
    return git("for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}", folder=folder).split()


def cell(reference: str, folder: Path = Path()) -> pd.DataFrame:
    """The comparison of an experiment and some columns more, each empty where it is not known.

    FURTHER: AUCs of attacks. `gate`: PASSES, or every reason why the gate refuses a method. `revision`: the last commit
    of the code it ran and of the settings it started from, which a commit of data or words after it leaves as it was.
    """
    text = git("show", f"{reference}:{COMPARISON}", folder=folder)
    table = pd.read_csv(io.StringIO(text))
    metrics = _metrics(reference, folder, table["model"].tolist())
    answers = _answers(reference, folder, metrics)
    for name in FURTHER:
        table[name] = [metrics.get(model, {}).get(name) for model in table["model"]]
    table["gate"] = [answers.get(model) for model in table["model"]]
    return table.assign(revision=_code(reference, folder))


def git(*arguments: str, folder: Path = Path()) -> str:
    """What git prints in a checkout.

    Raises:
        PipelineError: it fails.
    """
    ended = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True)
    if ended.returncode:
        raise PipelineError(f"`git {' '.join(arguments)}` failed: {ended.stderr.strip()}")
    return ended.stdout


def _metrics(reference: str, folder: Path, models: list[str]) -> dict[str, dict[str, Any]]:
    """metrics/<model>.json of every model; nothing where one is not there."""
    kept = git("ls-tree", "--name-only", reference, f"{layout.METRICS}/", folder=folder).split()
    if any(f"{layout.METRICS}/{name}.json" not in kept for name in models):
        return {}
    shown = {name: git("show", f"{reference}:{layout.METRICS}/{name}.json", folder=folder) for name in models}
    return {name: json.loads(text) for name, text in shown.items()}


def _answers(reference: str, folder: Path, metrics: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Of the gate as the experiment's own params.yaml has it: method -> PASSES, or why not.

    Nothing where it has limits that are unknown here: that was another gate.
    """
    if not metrics:
        return {}
    settings = config.parsed(git("show", f"{reference}:params.yaml", folder=folder)).get("register") or {}
    if not set(settings) <= {limit.name for limit in fields(RegisterSettings)}:
        return {}
    methods = {
        name: told
        for name, told in metrics.items()
        if name not in layout.TRAINED and all(figure in told for figure in gate.FIGURES)
    }
    reasons = gate.decide(metrics["original"], methods, RegisterSettings(**settings)).reasons
    return {name: gate_answer(why) for name, why in reasons.items()}


def _code(reference: str, folder: Path) -> str:
    commit = git("log", "-1", "--format=%h", f"{reference}^", "--", *CODE, "params.yaml", folder=folder).strip()
    changed = git("diff", "--name-only", f"{reference}^", reference, "--", *CODE, folder=folder)
    return f"{commit} and changes" if changed else commit
