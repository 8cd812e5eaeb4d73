"""What all benchmarks share: functions timed in turns, medians with their range, a table for people and a JSON file."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline.machine import processor

RESULTS = Path(__file__).parent / "results"


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


def report(name: str, where: torch.device, rows: list[dict[str, Any]], **said: Any) -> None:
    """Print the rows and write benchmarks/results/<name>-<cpu|cuda>.json."""
    told = {"benchmark": name, "machine": machine(where), **said, "rows": rows}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{where.type}.json"
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    for key, value in {**told["machine"], **said}.items():
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
