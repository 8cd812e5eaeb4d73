"""How time and memory grow with pictures, forgotten persons and picture size; training under a memory limit.

Each case is a process of its own, so that its peak memory is its own. The store is written as the pipeline writes it
and read through its memory map.

    python -m benchmarks.growth                 2,000 to 32,000 pictures
    python -m benchmarks.growth --most 100000
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer

from benchmarks import measure
from benchmarks.inputs import CLASSES, classifier, subsets
from pipeline.data.batches import Faces, load_images
from pipeline.settings import TrainSettings
from pipeline.training import fit
from pipeline.unlearning import base
from pipeline.unlearning.dlfd import Settings

LIMIT_MIB = 1024  # of private memory, for the training that must stream

app = typer.Typer(add_completion=False)


@app.command()
def run(most: int = 32_000, pictures_per_person: int = 3) -> None:
    """All cases."""
    device = measure.device()
    sizes = [size for size in (2_000, 8_000, 32_000, 100_000) if size <= most]
    rows = [_case("retain pictures", size, retain=size) for size in sizes]
    rows += [
        _case("forget persons", persons, retain=4_000, forget=persons * pictures_per_person)
        for persons in (1, 10, 100, 1000)
    ]
    rows += [_case("pixels a side", side, retain=2_000, size=side) for side in (32, 64, 128)]
    limited = _case("store larger than its memory", 40_000, retain=40_000, size=128, limit=LIMIT_MIB, batches=20)
    measure.report("growth", device, [*rows, limited], limit=f"{LIMIT_MIB} MiB of private memory in the last row")


@app.command()
def one(retain: int, forget: int, size: int, limit: int, batches: int) -> None:
    """One case, in this process; the outcome goes to stdout as JSON."""
    device = measure.device()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        path = Path(folder) / "images.npy"
        _write(path, retain + 2 * forget, size)
        if limit:
            used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            cap = (limit + (0 if device.type == "cpu" else 16_384)) * 2**20
            resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))
            print(f"{used} MiB in use before the limit", file=sys.stderr)
        images = load_images(np.load(path, mmap_mode="c"), device)
        counts = {"retain": retain, "forget": forget, "validation": forget}
        faces = subsets(images, torch.arange(len(images)) % CLASSES, counts)
        print(json.dumps(_measure(faces, device, batches) | {"store, MiB": path.stat().st_size // 2**20}))


def _case(
    what: str, value: int, *, retain: int, forget: int = 300, size: int = 48, limit: int = 0, batches: int = 40
) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.growth", "one", *map(str, (retain, forget, size, limit, batches))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{what} {value}: {done.stderr[-2000:]}")
    row = {"what grows": what, "value": value, **json.loads(done.stdout.splitlines()[-1])}
    print(row, file=sys.stderr)
    return row


def _write(path: Path, count: int, size: int) -> None:
    """A store's images.npy of noise, written as a stream."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, 1000):
            file.write(rng.bytes(min(1000, count - start) * size * size * 3))


def _measure(faces: dict[str, Faces], device: torch.device, batches: int) -> dict[str, Any]:
    """Rate of training on pictures from all over the store, seconds of a DLFD pass, peak memory."""
    model = classifier(device)
    seen = faces["retain"].sample(batches * 64, seed=0)
    started = time.perf_counter()
    fit(model, seen, TrainSettings(epochs=1), seed=0)
    rate = len(seen) / (time.perf_counter() - started)
    run = base.Run(seed=0)
    settings = Settings(epochs=1, forgetting_threshold=0.0)
    base.unlearn(base.get("dlfd"), model, {**faces, "retain": seen}, settings, run)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"training, images/s": rate, "DLFD, images/s": len(seen) / run.seconds, "peak memory, MiB": peak}
    if device.type == "cuda":
        told["peak GPU memory, MiB"] = torch.cuda.max_memory_allocated() / 2**20
    return told


if __name__ == "__main__":
    app()
