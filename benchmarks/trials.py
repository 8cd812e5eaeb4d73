"""Trials side by side on validation, means over seeds of the unlearning: docs/dlfd.md tells DLFD's parts by these.

    python -m benchmarks.trials results/matching.txt --seeds 0,1,2
    python -m benchmarks.trials results/knobs.txt --seeds 0 --beside ../other/results/knobs.csv

A line of the file is a trial, a method and the knobs in which it differs from params.yaml: `dlfd matching_weight=0.1`.
One that begins with # says what the trials are of, and stands above their table. Run in a checkout after `dvc repro
train`. Neither `test` nor `unseen` is loaded. Beside the file come <name>.csv, a row a trial and seed, kept as they end
(the same command goes on where it was stopped, and what was of another split, original, setting or code is run anew),
and <name>.md. With `--beside` they are of several originals: what the same trials gave in another checkout, with the
same settings and code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from benchmarks import measure
from pipeline import config, layout, machine
from pipeline.data import splits as split_table
from pipeline.data import subsets
from pipeline.data.batches import Faces
from pipeline.errors import ConfigError
from pipeline.evaluation import likelihood
from pipeline.evaluation.membership import auc
from pipeline.evaluation.metrics import on_validation
from pipeline.evaluation.samples import per_sample
from pipeline.hashes import file_hash
from pipeline.learning import models
from pipeline.learning.models import FaceClassifier
from pipeline.reference_tables.cells import OFF
from pipeline.reference_tables.markdown import spread
from pipeline.search import trials as searched
from pipeline.unlearning import base

COLUMNS = {  # heading -> column, of the Markdown table
    "accuracy": "validation_accuracy",
    "attack": "validation_mia_accuracy",
    "NoMUS": "validation_nomus",
    "AUC": "auc",
    "calibrated AUC": "calibrated_auc",
    "off .5": OFF,
}
JUDGING = (  # code that a search does not run: this, and what the calibrated attack is made of
    Path(__file__),
    *(searched.LIBRARY / "evaluation" / name for name in ("likelihood.py", "signals.py")),
)
KEY = ("trial", "seed", "of")  # of a row; `of` is the fingerprint of what the trial depends on
RECIPE = "recipe"  # of a row: hash of its settings and code, which originals that stand in one table have in common
SHARED = ("task", "data", "split", "model", "train", "evaluate")  # of params.yaml, in RECIPE
Row = dict[str, Any]


def main(
    file: Path = typer.Argument(exists=True, dir_okay=False),
    seeds: str = "0,1,2",
    beside: list[Path] = typer.Option([], help="<name>.csv of the same trials from another original; repeatable"),
) -> None:
    """Run every trial of FILE with each of the seeds, those that are done excepted.

    Raises:
        ConfigError: a line is no trial, or a table of `beside` lacks it or has it of other settings or code.
    """
    numbers, trials = measure.numbers(seeds, "--seeds"), list(_lines(file))
    table, judge = file.with_suffix(".csv"), Judge()
    lines = [*((name, 0) for name in layout.TRAINED), *((line, seed) for line in trials for seed in numbers)]
    now = {trial: judge.fingerprint(trial) for trial in dict.fromkeys(trial for trial, _ in lines)}
    recipes = {trial: judge.recipe(trial) for trial in now}
    others = [_beside(path, recipes, judge.seed) for path in beside]
    rows = {key: row for key, row in _done(table).items() if now.get(key[0]) == key[2]}
    for trial, seed in lines:
        key = (trial, seed, now[trial])
        if key not in rows:
            of = {**dict(zip(KEY, key, strict=True)), RECIPE: recipes[trial], "original": judge.seed}
            rows[key] = {**of, **judge.run(trial, seed)}
            _ordered([*rows.values()], [*now]).to_csv(table, index=False)
    found = _ordered([*rows.values(), *(row for other in others for row in other)], [*now])
    found.to_csv(table, index=False)
    command = f"`python -m benchmarks.trials {file.parent.name}/{file.name} --seeds {seeds}`"
    told = f"{_said(file)} {command}{_originals(found)}, on the validation subset. Machine: {machine.told()}.".lstrip()
    text = markdown(found, told)
    file.with_suffix(".md").write_text(text, encoding="utf-8")
    typer.echo(text)


class Judge:
    """The original model, its subsets and the oracle of a checkout, and what a trial is measured by."""

    def __init__(self) -> None:
        self.params, self.splits = config.load(), split_table.read(layout.SPLITS)
        self.seed, self.data = self.params.seed, measure.data_set()
        self.device = models.select_device(self.params.device)
        needed = ("retain", "forget", "validation")
        self.faces = subsets.load(layout.FACES, self.splits, self.device, task=self.params.task, only=needed)
        self.models = {name: models.load(layout.MODELS / name, self.device) for name in layout.TRAINED}
        self.judged: dict[str, Faces] = {name: self.faces[name] for name in ("forget", "validation")}
        alike = subsets.matched(self.judged["validation"], self.judged["forget"], self.params.seed)
        self.compared = [*self.judged["forget"].rows.tolist(), *alike.rows.tolist()]
        self.oracle = per_sample(self.models["retrained"], self.judged, self.splits).table
        self.judges = judges()

    def fingerprint(self, trial: str) -> str:
        """As for `pipeline.search.trials.fingerprint`, and of what judges."""
        name, settings = read(_run_for(trial))
        return searched.fingerprint(name, settings, self.params, self.splits, judges=self.judges)

    def recipe(self, trial: str) -> str:
        """Of what the trial's figures depend on but the seed of original, oracle and split."""
        name, settings = read(_run_for(trial))
        shared = {key: value for key, value in asdict(self.params).items() if key in SHARED}
        of = [searched.code(name), file_hash(*JUDGING), self.data, asdict(settings), shared]
        return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:12]

    def run(self, trial: str, seed: int) -> Row:
        """Figures of one trial, or of a trained model.

        Raises:
            ConfigError: as for `read`.
        """
        if trial in layout.TRAINED:
            return self._figures(self.models[trial])
        name, settings = read(trial)
        run = base.Run(seed=seed, title=f"{trial}, seed {seed}")
        model = base.unlearn(base.get(name), self.models["original"], self.faces, settings, run)
        return {**self._figures(model), "status": run.status, "seconds": run.seconds}

    def _figures(self, model: FaceClassifier) -> Row:
        """Of one pass over forget and validation.

        The areas are of forget and as many of validation, labels alike: another draw than that of `validation_auc`,
        which the gate reads.
        """
        table = per_sample(model, self.judged, self.splits).table
        quick = replace(self.params.evaluate, bootstrap=0)
        figures = on_validation(table, quick, self.params.seed)
        chosen = table["image"].isin(self.compared).to_numpy()
        kept, oracle = table[chosen], self.oracle[chosen]
        unseen = (kept["subset"] == "validation").to_numpy()
        margins, out = kept["margin"].to_numpy(), oracle["margin"].to_numpy()
        score = likelihood.calibrated(margins, out, unseen, kept["label"].to_numpy())
        plain = -kept["loss"].to_numpy()
        areas = {name: float(auc(of[~unseen], of[unseen])) for name, of in (("auc", plain), ("calibrated_auc", score))}
        return {**figures, **areas}


def judges() -> str:
    """Hash of the oracle, which calibrates the attack on every trial, and of the code that a search does not run."""
    oracle = layout.MODELS / layout.TRAINED[1] / models.WEIGHTS
    return file_hash(oracle, *JUDGING)


def read(trial: str) -> tuple[str, Any]:
    """The method of a line and its settings: those of params.yaml, and what the line says in their place.

    Raises:
        ConfigError: no such method or knob, or a value that it cannot have.
    """
    name, *knobs = trial.split()
    changed = {key: config.parsed(value) for key, _, value in (knob.partition("=") for knob in knobs)}
    return name, config.method_settings(name, changed=changed)


def _done(table: Path) -> dict[tuple[str, int, str], Row]:
    """The rows that were kept, by KEY; of a table from before there was `of` none."""
    kept = _rows(table) if table.exists() else []
    return {(row["trial"], row["seed"], row["of"]): row for row in kept if set(KEY) <= set(row)}


def _run_for(trial: str) -> str:
    """Of a trained model a trial which changes nothing, as its figures depend on no method."""
    return "finetune" if trial in layout.TRAINED else trial


def _beside(table: Path, recipes: Mapping[str, str], own: int) -> list[Row]:
    """The rows of these trials from another checkout's table, but those that it has from this one.

    Args:
        recipes: trial -> what its rows must have as RECIPE.
        own: seed of this checkout's original.

    Raises:
        ConfigError: the table, or a trial of another original in it, is not there, or is of other settings or code.
    """
    if not table.is_file():
        raise ConfigError(f"--beside {table}: no such file; run the same trials in that checkout first")
    rows = [row for row in _rows(table) if row["trial"] in recipes and row.get("original", own) != own]
    if missing := sorted(set(recipes) - {row["trial"] for row in rows}):
        raise ConfigError(
            f"--beside {table}: it has no {missing[0]!r} from an original of a seed other than {own}; run the same "
            "trials in such a checkout first"
        )
    if other := [row["trial"] for row in rows if row.get(RECIPE) != recipes[row["trial"]]]:
        raise ConfigError(
            f"--beside {table}: {other[0]!r} ran there with other settings or code; run it there again with these"
        )
    return rows


def _rows(table: Path) -> list[Row]:
    found = pd.read_csv(table, dtype={KEY[2]: str, RECIPE: str})  # a hash such as 123e456 is no number
    return [{str(key): value for key, value in row.items()} for row in found.to_dict("records")]


def _ordered(rows: list[Row], trials: list[str]) -> pd.DataFrame:
    """As the file has them, original by original, seed by seed."""
    rows = sorted(rows, key=lambda row: (trials.index(row["trial"]), row.get("original", 0), row["seed"]))
    return pd.DataFrame(rows)


def _originals(found: pd.DataFrame) -> str:
    """Which original models trials began at, where there are several."""
    seeds = sorted(found["original"].unique()) if "original" in found else []
    return f" after the original models of seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else ""


def _lines(file: Path) -> Iterator[str]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield " ".join(line.split())


def _said(file: Path) -> str:
    """What the lines with # say."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))


def markdown(table: pd.DataFrame, told: str) -> str:
    """Mean ± standard deviation over the seeds; `off .5` is a mean of distances, so that two sides do not cancel.

    Args:
        told: the line above the table.
    """
    table = table.assign(**{OFF: (table["calibrated_auc"] - 0.5).abs()})
    lines = [told, "", f"|  | {' | '.join(COLUMNS)} | seconds |", "|---" * (len(COLUMNS) + 2) + "|"]
    for trial, of in table.groupby("trial", sort=False):
        shown = [spread(of[column].mean(), of[column].std()) for column in COLUMNS.values()]
        seconds = "" if of["seconds"].isna().all() else f"{of['seconds'].median():.0f}"
        lines.append(f"| {trial} | {' | '.join(shown)} | {seconds} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    measure.program(main)
