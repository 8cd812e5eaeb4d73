"""One case of `benchmarks.growth` in this process: its time and its peak memory, as JSON on stdout."""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks import inputs, measure
from benchmarks.dlfd_pass import dearest
from pipeline.data.batches import Faces, load_images
from pipeline.evaluation.audit import Yardstick
from pipeline.evaluation.judgement import judge
from pipeline.evaluation.samples import Results, per_sample
from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import fit
from pipeline.settings import AuditSettings, EvaluateSettings, TrainSettings
from pipeline.unlearning.dlfd import Settings

PICTURES = 3  # of a person
STATUS = Path("/proc/self/status")
WATCHED = 0.02  # seconds between two looks at the memory


@dataclass(frozen=True)
class Case:
    """What is measured.

    Attributes:
        what, value: that grows, and how far.
        retain: pictures; there is an epoch of training and a DLFD pass over them.
        persons: to forget.
        size: pixels a side.
        limit: MiB of private memory that the process may have, beside the map of the store; 0 for no limit.
        sample: pictures, from all over the store, that are trained on where not all of `retain` are.
    """

    what: str
    value: int
    retain: int
    persons: int
    size: int
    limit: int = 0
    sample: int = 0

    @property
    def pictures(self) -> int:
        """Of the store: retain, forget, and as many each for validation and unseen."""
        return self.retain + 3 * PICTURES * self.persons


STREAMED = 240_000  # pictures of 64 px: 3.0 GB, more than the limit, which is what torch takes with a quarter to spare
LIMITED = Case("store larger than the memory", STREAMED, STREAMED, persons=100, size=64, limit=2304, sample=640)


def measured(case: Case, path: Path) -> dict[str, Any]:
    """The row of a case.

    Args:
        path: of a store's images.npy.

    Raises:
        BenchmarkError: the limit does not limit, more memory than that was used, or a check ended DLFD's pushing.
    """
    device = torch.device("cpu") if case.limit else measure.device()  # a GPU holds all pictures
    inputs.exact_transport()
    told: dict[str, Any] = {}
    if case.limit:
        told = limited(case.limit, path.stat().st_size)
        out_of_cache(path)
    with Peak() as peak:
        images = load_images(np.load(path, mmap_mode="c"), device)  # as pipeline.data.store opens it
        labels = torch.arange(case.pictures) % inputs.CLASSES
        forget = PICTURES * case.persons
        counts = {"retain": case.retain, "forget": forget, "validation": forget, "unseen": forget}
        faces = inputs.subsets(images, labels, counts)
        faces["validation"] = inputs.mistaken(faces["validation"])
        if case.sample:
            told["reading all pictures, images/s"] = len(faces["retain"]) / _reading(faces["retain"])
            faces["retain"] = faces["retain"].sample(case.sample, seed=0)
        told |= _timed(faces, device)
    told |= peak.told()
    if case.limit and peak.private > case.limit:  # the kernel's limit has the map's size on top
        raise measure.BenchmarkError(f"{peak.private:.0f} MiB of private memory were used, {case.limit} are the limit")
    if device.type == "cuda":
        told["peak GPU memory, MiB"] = torch.cuda.max_memory_allocated() / 2**20
    return told


def limited(mebibytes: int, store: int) -> dict[str, Any]:
    """Have the kernel refuse this process more private memory than that, and see that it does.

    RLIMIT_DATA counts what is private and may be written. That is how the store is mapped, so all of its size counts
    although none of it is ever copied: the limit is that much higher. Pages of the file stay the kernel's to drop.

    Args:
        store: bytes of the file that will be mapped.

    Raises:
        BenchmarkError: memory beyond the limit is given all the same.
    """
    cap = mebibytes * 2**20 + store
    resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))
    try:
        np.empty(cap, np.uint8)
    except MemoryError:
        return {"limit, MiB": mebibytes, "limited by": "RLIMIT_DATA, less the store's map"}
    raise measure.BenchmarkError("RLIMIT_DATA does not limit memory on this system: this case needs Linux")


def out_of_cache(path: Path) -> None:
    """Have the kernel drop what it still holds in memory of a file, so that it is read from the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())  # what is not written yet cannot be dropped
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Peak:
    """The most memory within a `with`, by Linux's count: of private pages, and with pages of mapped files."""

    def __enter__(self) -> Peak:
        self.private, self._done = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def told(self) -> dict[str, float]:
        """Of the process so far; empty where there is no /proc."""
        found = {"peak private memory, MiB": self.private, "peak with mapped files, MiB": in_use("VmHWM")}
        return {name: round(value, 1) for name, value in found.items() if value}

    def _watch(self) -> None:
        while True:
            self.private = max(self.private, in_use("RssAnon"))
            if self._done.wait(WATCHED):
                return


def in_use(kind: str) -> float:
    """MiB of a kind of memory as /proc names it; 0 where there is no /proc."""
    lines = STATUS.read_text(encoding="ascii").splitlines() if STATUS.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{kind}:")), 0.0)


def _reading(faces: Faces) -> float:
    """Seconds of an epoch's batches, without a model."""
    return _seconds(lambda: deque(faces.epoch(64, seed=0, epoch=0, augment=True), maxlen=0))


def _timed(faces: dict[str, Faces], device: torch.device) -> dict[str, float]:
    """An epoch of training, and one pass of DLFD at the settings of the code, where every batch is pushed that may be.

    And the evaluation of the model with all audits, beside an oracle whose own pass is not counted.
    """
    model, retain = inputs.classifier(device), faces["retain"]
    training = _seconds(lambda: fit(model, retain, TrainSettings(epochs=1), seed=0))
    inputs.teach(model, retain)
    run = dearest(model, faces, Settings(epochs=1))
    oracle = _pass(inputs.classifier(device, seed=1), faces)
    return {
        "training, s": training,
        "training, images/s": len(retain) / training,
        "a DLFD pass, s": run.seconds,
        "DLFD, images/s": len(retain) / run.seconds,
        "evaluation, s": _seconds(lambda: _evaluate(model, faces, oracle)),
    }


def _evaluate(model: FaceClassifier, faces: dict[str, Faces], oracle: Results) -> None:
    results = _pass(model, faces)
    others = [Yardstick("oracle", oracle, np.zeros(len(results.table), bool))]
    judge(results, others, AuditSettings(), EvaluateSettings(), seed=0)


def _pass(model: FaceClassifier, faces: dict[str, Faces]) -> Results:
    """A person is PICTURES pictures in a row."""
    units = {name: [f"{name} {place // PICTURES}" for place in range(len(of))] for name, of in faces.items()}
    rows = [pd.DataFrame({"image": of.rows.numpy(), "unit": units[name]}) for name, of in faces.items()]
    return per_sample(model, faces, pd.concat(rows))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Of a JSON of a Case and the path of a store; of an error the last line is its message."""
    case, path = Case(**json.loads(sys.argv[1])), Path(sys.argv[2])
    try:
        print(json.dumps(measured(case, path)))
    except Exception as error:
        print(f"{type(error).__name__}: {error}".splitlines()[0])
        raise


if __name__ == "__main__":
    main()
