"""What all benchmarks share: functions timed in turns, medians with their range, a table for people and a JSON file."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from pipeline import layout
from pipeline.errors import PipelineError
from pipeline.hashes import file_hash
from pipeline.machine import processor
from stages.common import guarded

RESULTS = Path(__file__).parent / "results"
SCRATCH = Path("local/benchmarks")
SOURCES = ("pipeline", "stages", "benchmarks")  # whose Python is hashed, with params.yaml
MEASURED = ("pipeline", "stages", ":(glob)benchmarks/*.py", "params.yaml")  # what a figure depends on, in the checkout

Count = Annotated[int, typer.Option(min=1)]  # of an option


class BenchmarkError(PipelineError):
    """A benchmark cannot measure what its name says; the message says why."""


def program(main: Callable[..., Any]) -> None:
    """Run a benchmark's `main` as a command line program, with one message for an error a person can act on."""
    typer.run(guarded(main))


def numbers(words: str, option: str, least: int = 0) -> list[int]:
    """Of an option that takes several.

    Raises:
        BenchmarkError: one is no whole number of `least` or more, or stands there twice.
    """
    told = [word.strip() for word in words.split(",")]
    found = [int(word) for word in told if word.isdecimal() and int(word) >= least]
    if len(found) < len(told) or len(set(found)) < len(found):
        raise BenchmarkError(f"{option} {words}: give different whole numbers of {least} or more, as in 1,5")
    return found


def interleaved(
    functions: Mapping[str, Callable[[], object]], repeats: int, device: torch.device, warm_up: int = 1
) -> dict[str, list[float]]:
    """Seconds [repeats] of each, in turns, so that a slow moment of the machine meets all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(warm_up + repeats):
        for name, function in functions.items():
            _wait(device)
            started = time.perf_counter()
            function()
            _wait(device)
            if turn >= warm_up:
                taken[name].append(time.perf_counter() - started)
    return taken


def summary(seconds: list[float]) -> dict[str, float]:
    """Median, smallest and greatest."""
    return {"median": statistics.median(seconds), "low": min(seconds), "high": max(seconds)}


def ratio(slow: list[float], fast: list[float]) -> dict[str, float]:
    """How many times longer, turn by turn: what a slow moment does to both cancels out."""
    return summary([a / b for a, b in zip(slow, fast, strict=True)])


def machine(device: torch.device) -> dict[str, Any]:
    """Enough to read figures by."""
    gpu = torch.cuda.get_device_name() if device.type == "cuda" else None
    return {
        "device": gpu or processor(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def commit() -> str:
    """Of the code that is measured; ` with changes in ` what of it differs; `none` outside of a git checkout.

    `dvc exp run -S …` leaves its settings in params.yaml.
    """

    def git(*words: str) -> str:
        asked = subprocess.run(["git", *words], cwd=RESULTS.parents[1], capture_output=True, text=True, check=True)
        return asked.stdout.strip()

    try:
        changed = [line.split(maxsplit=1)[1] for line in git("status", "--porcelain", "--", *MEASURED).splitlines()]
        return git("rev-parse", "--short=12", "HEAD") + (f" with changes in {', '.join(changed)}" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "none"


def code() -> str:
    """Hash of the sources that a figure depends on; unlike a commit it tells one change from another, without git."""
    root = RESULTS.parents[1]
    sources = [file for part in SOURCES for file in sorted((root / part).rglob("*.py"))]
    return file_hash(*sources, root / "params.yaml")


def folder() -> Path:
    """Where records go: RESULTS from a benchmark that was run as it stands, SCRATCH from one with options.

    So a quick look never takes the place of a record.
    """
    chosen = SCRATCH if sys.argv[1:] else RESULTS
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


def data_set(root: Path = Path()) -> str:
    """Of a checkout, as its store has it: `synthetic`, `mufac`."""
    return str(json.loads((root / layout.FACES / "dataset.json").read_text(encoding="utf-8"))["name"])


def of_data(name: str, data: str) -> str:
    """What a record is called: that of the drawn faces by the benchmark alone."""
    return name if data == "synthetic" else f"{name}-{data}"


def report(name: str, where: torch.device, rows: list[dict[str, Any]], *, repeats: int, **said: Any) -> None:
    """Print the rows and write <name>-<cpu|cuda>.json into `folder()`, with what is needed to measure them again.

    Args:
        repeats: how often each figure was taken.
        said: more to tell about all of the rows.
    """
    measured = {
        "commit": commit(),
        "command": " ".join(["python", *sys.orig_argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "repeats": repeats,
    }
    told = {"benchmark": name, "machine": machine(where), "measured": measured, **said, "rows": rows}
    path = folder() / f"{name}-{where.type}.json"
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    for key, value in {**told["machine"], **measured, **said}.items():
        print(f"{key}: {value}")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = [columns, *([_text(row.get(key, "")) for key in columns] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
    for line in table:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    print(f"written to {path}\n")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['median']:.4g} [{value['low']:.4g}, {value['high']:.4g}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
