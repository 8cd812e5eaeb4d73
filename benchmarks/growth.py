"""How time and memory grow with pictures, forgotten persons and picture size; training under a memory limit.

Each case is a process of its own (`benchmarks.growth_case`), so that its peak memory is its own: an epoch of training,
a pass of DLFD and an evaluation with all audits, over a store of drawn faces. A row is kept in `local/benchmarks/` as
it comes; a run that was stopped goes on, a case that failed is a row that says so and is tried again, rows of other
code are measured anew.

    python -m benchmarks.growth                 2,000 to 100,000 pictures
    python -m benchmarks.growth --most 8000     a quick look
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer

from benchmarks import inputs, measure
from benchmarks.growth_case import LIMITED, Case

SIZES = (2_000, 8_000, 32_000, 100_000)
SIDE = 32  # pixels, where the number of pictures grows: whole passes over so many
PERSONS = (1, 10, 100, 1_000, 3_000)
SIDES = (32, 64, 128)
DRAWN = 288  # different faces of a store; where it has more they come again, which costs the same
FIGURES = ("training, s", "a DLFD pass, s", "evaluation, s", "peak private memory, MiB")  # whose growth is told


def main(most: int = typer.Option(SIZES[-1], min=SIZES[0], help="retain pictures")) -> None:
    """A quarter of an hour on 2 idle cores, and 3 GB of disk."""
    device = measure.device()
    kept = measure.SCRATCH / f"growth-{device.type}.jsonl"
    rows = measured(cases(most), kept)
    failed = [row for row in rows if "failed" in row]
    setting = f"ResNet18, drawn faces; transport plans: {inputs.exact_transport()}"
    measure.report("growth", device, rows, repeats=1, setting=setting, exponents=exponents(rows))
    if failed:
        raise measure.BenchmarkError(f"{len(failed)} of {len(rows)} cases failed: run it again to try these again")
    kept.unlink()


def cases(most: int) -> list[Case]:
    """From the quick to the slow ones."""
    forgetting = [Case("forget persons", count, retain=1_000, persons=count, size=SIDE) for count in PERSONS]
    growing = [Case("pixels a picture", side**2, retain=640, persons=100, size=side) for side in SIDES]
    larger = [Case("retain pictures", size, retain=size, persons=100, size=SIDE) for size in SIZES if size <= most]
    return [*forgetting, *growing, LIMITED, *larger]


def measured(wanted: list[Case], kept: Path) -> list[dict[str, Any]]:
    """A row for each case, from `kept` where it has been measured with this code."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    code = measure.code()
    rows = []
    for case in wanted:
        row = _known(kept, asdict(case), code)
        if row is None:
            row = {"what grows": case.what, "value": case.value, **_run(case)}
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"case": asdict(case), "code": code, "row": row}) + "\n")
        typer.echo(f"{case.what} {case.value}: {row}", err=True)
        rows.append(row)
    return rows


def exponents(rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """p of figure ∝ value^p for each thing that grows: 1 is linear growth.

    `over all` is the least squares of the logarithms, in which what a process costs once hides how steep it gets;
    `at the end` is between the two largest values.
    """
    table: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if "failed" not in row:
            table.setdefault(row["what grows"], []).append(row)
    return {
        what: {figure: _slopes([row["value"] for row in some], [row[figure] for row in some]) for figure in FIGURES}
        for what, some in table.items()
        if len(some) > 1
    }


def _slopes(values: list[float], figures: list[float]) -> dict[str, float]:
    return {"over all": _slope(values, figures), "at the end": _slope(values[-2:], figures[-2:])}


def _slope(values: list[float], figures: list[float]) -> float:
    return round(float(np.polyfit(np.log(values), np.log(figures), 1)[0]), 2)


def _known(kept: Path, case: dict[str, Any], code: str) -> dict[str, Any] | None:
    """The row that was kept; not one of a failure."""
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    for one in map(json.loads, lines):
        if one["case"] == case and one["code"] == code and "failed" not in one["row"]:
            found: dict[str, Any] = one["row"]
            return found
    return None


def _run(case: Case) -> dict[str, Any]:
    """What a process tells of a case."""
    with tempfile.TemporaryDirectory(dir=measure.SCRATCH) as folder:
        path = Path(folder) / "images.npy"
        try:
            _write(path, case.pictures, case.size)
        except OSError as error:
            return {"failed": str(error)}
        command = [sys.executable, "-m", "benchmarks.growth_case", json.dumps(asdict(case)), str(path)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            return {"failed": (done.stdout.splitlines() or [f"exit code {done.returncode}"])[-1]}
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told | {"store, MiB": path.stat().st_size // 2**20}


def _write(path: Path, count: int, size: int) -> None:
    """A store's images.npy, written as a stream. Of picture i the class is i modulo the number of classes."""
    from pipeline.data.sources.synthetic import draw

    drawn = np.stack([draw(0, *divmod(number, 3), size) for number in range(min(DRAWN, count))])
    faces = inputs.coloured(torch.from_numpy(drawn), torch.arange(len(drawn)) % inputs.CLASSES).numpy()
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, len(faces)):
            file.write(faces[: count - start].tobytes())


if __name__ == "__main__":
    measure.program(main)
