"""Which trial of a search is chosen, and the files that trials are kept in.

Chosen is the trial with the best NoMUS of those that the gate's limits on validation let pass, and the first where none
does, or where it passes too and is behind by less than LEAST_GAIN (`choose`): NoMUS alone would at times take a model
that the gate then refuses, and the best of many trials is ahead by luck. What the gate reads beside the oracle is not
asked here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import ConfigError
from pipeline.reference_tables.cells import PASSES, gate_answer
from pipeline.registry import gate
from pipeline.search.space import space
from pipeline.settings import PassSettings, RegisterSettings

OBJECTIVE = "validation_nomus"
OF = ("data", "task")  # columns: what trials were run on
LEAST_GAIN = 0.01  # of NoMUS, by which a trial must beat the settings as they are: one seed's noise is about as large


@dataclass(frozen=True)
class Choice:
    """What `choose` found.

    Attributes:
        row: of the trial.
        why: in words.
    """

    row: Mapping[Any, Any]
    why: str


def choose(found: pd.DataFrame) -> Choice:
    """The trial whose knobs a method is to have, of those that `judged` gives."""
    rows = found.to_dict("records")
    passing = [row for row in rows if row["gate"] == PASSES]
    first = next(row for row in rows if row["trial"] == 0)
    if passing:
        best = max(passing, key=lambda row: (row[OBJECTIVE], -row["trial"]))
        of = f"{len(passing)} of {len(rows)} trials whose validation figures pass the gate"
        gain = best[OBJECTIVE] - first[OBJECTIVE]
        if best is not first and first in passing and gain < LEAST_GAIN:
            return Choice(first, f"the settings as they are: the best NoMUS of the {of} is only {gain:.3f} higher")
        return Choice(best, f"the best NoMUS of the {of}")
    best = max(rows, key=lambda row: row[OBJECTIVE])
    beside = "" if best is first else f"; the best NoMUS, of trial {best['trial']}, does not count"
    return Choice(first, f"the settings as they are: no trial passes the gate{beside} ({best['gate']})")


def judged(found: pd.DataFrame, original: Mapping[str, float], settings: RegisterSettings) -> pd.DataFrame:
    """The trials with a column `gate`: that it lets them pass by their scores on validation, or why not.

    Args:
        found: a row a trial, with its number and its figures of `on_validation`.
        original: figures of `on_validation` of the original model.
        settings: the gate's limits.
    """
    rows = {str(row["trial"]): {**row, **gate.NEUTRAL} for row in found.to_dict("records")}
    reasons = gate.decide(original, rows, settings).reasons
    return found.assign(gate=[gate_answer(reasons[trial]) for trial in rows])


def write(found: pd.DataFrame, name: str, folder: Path, *, data: str, task: str) -> Path:
    """Write the trials as <folder>/<method>.csv, with what they were run on."""
    folder.mkdir(parents=True, exist_ok=True)
    path = _file(folder, name)
    found.assign(data=data, task=task).to_csv(path, index=False)
    return path


def chosen(folder: Path, methods: Mapping[str, PassSettings], *, data: str, task: str) -> list[str]:
    """The knobs that `choose` finds for every method whose trials are in a folder, as `dvc exp run -S` takes them.

    Args:
        methods: name -> settings; the others of the folder are left alone.
        data, task: what the knobs are for.

    Raises:
        ConfigError: it has trials of none, or those of one are of other data or another task, of other knobs, or
            began at other values than the settings have. Size of pictures, epochs and split are not compared: a search
            may be quicker than what it is for.
    """
    searched = {name: settings for name, settings in methods.items() if _file(folder, name).exists()}
    if not searched:
        raise ConfigError(f"{folder} has no trials of a method: `dlfd search METHODS --folder {folder}` makes them")
    found = {name: _read(_file(folder, name), settings, (data, task)) for name, settings in searched.items()}
    rows = {name: choose(table).row for name, table in found.items()}
    return [one for name, settings in searched.items() for one in as_settings(rows[name], name, settings)]


def as_settings(row: Mapping[Any, Any], name: str, settings: PassSettings) -> list[str]:
    """The searched knobs of a trial, as `dvc exp run -S` takes them."""
    return [f"{name}.{key}={row[key]:.4g}" for key in space(settings)]


def _read(path: Path, settings: PassSettings, wanted: tuple[str, str]) -> pd.DataFrame:
    found = pd.read_csv(path)
    knobs = list(space(settings))
    if missing := {"trial", OBJECTIVE, "gate", *OF, *knobs} - set(found):
        raise ConfigError(f"{path} has no column {min(missing)}: it is of other code or settings; search anew")
    start = found[found["trial"] == 0].iloc[0]
    if (of := tuple(start[list(OF)])) != wanted:
        raise ConfigError(f"{path} is a search on {' and '.join(of)}, this is {' and '.join(wanted)}; search anew")
    for knob in knobs:
        if not math.isclose(start[knob], today := getattr(settings, knob), rel_tol=1e-6):
            told = f"the search started from {knob} {start[knob]:g}, params.yaml has {today:g}"
            raise ConfigError(f"{path}: {told}; search anew, or take the file away to keep what params.yaml has")
    return found


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.csv"
