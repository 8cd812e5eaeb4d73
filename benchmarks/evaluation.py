"""What the evaluation of one model costs: the pass over all subsets, and everything that is computed from it.

Run after `dvc repro`, in the checkout:  python -m benchmarks.evaluation --model dlfd --repeats 5
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import typer

from pipeline import config, layout, models, yardsticks
from pipeline.data import splits as split_table
from pipeline.data import subsets
from pipeline.data.groups import SUBSETS
from pipeline.evaluation.audit import audit
from pipeline.evaluation.metrics import summarise
from pipeline.evaluation.samples import per_sample

LIMIT = 15.0  # seconds on 2 cores that everything beyond the pass may take


def main(model: str = "dlfd", repeats: int = 5, out: Path = Path("benchmarks/evaluation.json")) -> None:
    """Median and range of both parts, and their ratio."""
    params, splits = config.load(), split_table.read(layout.SPLITS)
    device = models.select_device(params.device)
    found = models.load(layout.MODELS / model, device)
    faces = subsets.load(layout.FACES, splits, device, task=params.task, only=SUBSETS)
    results, others = per_sample(found, faces, splits), yardsticks.load(params.audit, splits)

    def compute() -> None:
        summarise(results.table, params.evaluate, params.seed)
        audit(results, others, params.audit, params.evaluate, params.seed)

    passes, audits = _seconds(lambda: per_sample(found, faces, splits), compute, repeats)
    told = {"model": model, "images": len(results.table), "device": str(device), "pass": passes, "audits": audits}
    told["audits_per_pass"] = statistics.median(audits) / statistics.median(passes)
    out.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    for name, seconds in (("pass", passes), ("audits", audits)):
        rate = f", {len(results.table) / statistics.median(seconds):.0f} images/s" if name == "pass" else ""
        middle, low, high = statistics.median(seconds), min(seconds), max(seconds)
        typer.echo(f"{name:7} {middle:6.2f} s  [{low:.2f}, {high:.2f}]{rate}")
    typer.echo(f"audits beyond the pass: limit {LIMIT:.0f} s")


def _seconds(
    first: Callable[[], object], second: Callable[[], object], repeats: int
) -> tuple[list[float], list[float]]:
    """Of both, in turns, so that a slow moment of the machine meets either."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for function, seconds in zip((first, second), taken, strict=True):
            started = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - started)
    return taken


if __name__ == "__main__":
    typer.run(main)
