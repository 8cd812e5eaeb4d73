"""Where the time of one stage goes: process and imports, its work, MLflow, DVC.

Run after `dvc repro`, in the checkout:  python -m benchmarks.stage_time

It evaluates DLFD's model again, whose results stay what they are, in four ways that each add one thing to the one
before, in turns; what was added is the difference within a turn.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from benchmarks import measure
from benchmarks.pipeline import start_up

STAGE, MODEL = "evaluate", "dlfd"
ALONE = {"an empty process": "pass", "import torch": "import torch", "import mlflow": "import mlflow"}
ADDED = ("process and imports", "work", "MLflow", "DVC")


def main(repeats: measure.Count = 5) -> None:
    """Two minutes: seconds of each part, and its share of the whole."""
    without = {**os.environ, "DLFD_TRACKING": "off"}
    command = (sys.executable, "-m", f"stages.{STAGE}", "--model", MODEL)
    ways = {
        "process and imports": _run(sys.executable, "-c", start_up(STAGE), environment=without),
        "work": _run(*command, environment=without),
        "MLflow": _run(*command),
        "DVC": _run("dvc", "repro", "--force", "--single-item", f"{STAGE}@{MODEL}"),
    }
    alone = {name: _run(sys.executable, "-c", code) for name, code in ALONE.items()}
    seconds = measure.interleaved({**ways, **alone}, repeats, measure.device())
    rows = [*parts(seconds), *({"part": name, "s": measure.summary(seconds[name])} for name in ALONE)]
    measure.report("stage_time", measure.device(), rows, repeats=repeats, setting=f"{STAGE}@{MODEL}")


def parts(seconds: Mapping[str, list[float]]) -> list[dict[str, Any]]:
    """A row for each of ADDED, of what it adds to the way before, and one for the whole."""
    whole = seconds[ADDED[-1]]
    added = {ADDED[0]: seconds[ADDED[0]]}
    for before, after in pairwise(ADDED):
        added[after] = [b - a for a, b in zip(seconds[before], seconds[after], strict=True)]
    rows = [
        {"part": name, "s": measure.summary(taken), "share": measure.ratio(taken, whole)}
        for name, taken in added.items()
    ]
    return [*rows, {"part": "the stage by `dvc repro`", "s": measure.summary(whole)}]


def _run(*command: str, environment: Mapping[str, str] | None = None) -> Callable[[], None]:
    """To run a command once.

    Raises:
        BenchmarkError: it fails.
    """

    def once() -> None:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise measure.BenchmarkError(f"{' '.join(command[:4])}: {done.stderr[-2000:]}")

    return once


if __name__ == "__main__":
    measure.program(main)
