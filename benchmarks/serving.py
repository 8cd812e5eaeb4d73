"""What a served model costs: pictures a second in batches, and how long one picture takes, in a process and over HTTP.

HTTP is `mlflow models serve` with one worker on this machine; where MLflow is not installed, only batches are timed.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks import measure
from benchmarks.inputs import classifier
from pipeline.data import images
from pipeline.learning import models
from pipeline.serving import prediction

SIZES = ((48, "as in the default store"), (1080, "as from a phone's messenger"))  # pixels a side of a JPEG
START = 120.0  # seconds that a server may take


def main(
    image_size: measure.Count = 48,
    pictures: measure.Count = 256,
    requests: measure.Count = 200,
    repeats: measure.Count = 5,
    http: bool = True,
) -> None:
    """Throughput and latency with a ResNet18."""
    where = measure.device()
    model, info = classifier(where).eval(), {"architecture": "resnet18", "task": "age", "image_size": image_size}
    info["classes"] = [str(number) for number in range(model.classes)]
    predictor = prediction.Predictor(model, info, where)
    rows = [
        row for side, what in SIZES for row in _batches(predictor, jpeg(side), f"{side} px, {what}", pictures, repeats)
    ]
    if importlib.util.find_spec("mlflow"):
        with tempfile.TemporaryDirectory() as scratch:
            served = _saved(model.to("cpu"), info, Path(scratch))
            for side, what in SIZES:
                rows += _latencies(served, jpeg(side), f"{side} px, {what}", requests, http)
    told = f"ResNet18 at {image_size} px; latency: one worker on the CPU, {requests} requests"
    measure.report("serving", where, rows, repeats=repeats, setting=told)


def jpeg(side: int) -> bytes:
    """A smooth picture with some noise, about as hard to decode as a photograph."""
    rng = np.random.default_rng(0)
    rough = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize((side, side))
    noisy = np.asarray(rough) + rng.normal(0, 6, (side, side, 3))
    stored = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(stored, "JPEG", quality=90)
    return stored.getvalue()


def percentiles(function: Callable[[], object], count: int, warm_up: int = 5) -> dict[str, float]:
    """Milliseconds of one call after another: p50 and p95."""
    taken = []
    for turn in range(warm_up + count):
        started = time.perf_counter()
        function()
        if turn >= warm_up:
            taken.append(1000 * (time.perf_counter() - started))
    return {"p50_ms": statistics.median(taken), "p95_ms": float(np.percentile(taken, 95))}


def _batches(
    predictor: prediction.Predictor, raw: bytes, what: str, pictures: int, repeats: int
) -> list[dict[str, Any]]:
    """Pictures a second: decoding alone, the forward pass alone, and both as `dlfd predict` does them."""
    size = predictor.image_size
    batch = torch.rand(prediction.BATCH, 3, size, size)
    passes = max(1, pictures // len(batch))
    parts: dict[str, tuple[int, Callable[[], object]]] = {
        "decode, one thread": (pictures, lambda: [images.square(images.decode(raw), size) for _ in range(pictures)]),
        "forward": (passes * len(batch), lambda: [predictor.probabilities(batch) for _ in range(passes)]),
        "both": (pictures, lambda: list(predictor.answers([raw] * pictures))),
    }
    device = torch.device("cpu")  # `probabilities` waits for a GPU itself
    seconds = measure.interleaved({name: function for name, (_, function) in parts.items()}, repeats, device)
    return [
        {"pictures": what, "part": name, "images/s": measure.summary([parts[name][0] / one for one in taken])}
        for name, taken in seconds.items()
    ]


def _saved(model: models.FaceClassifier, info: dict[str, Any], scratch: Path) -> Path:
    from pipeline.serving import served_model

    models.save(model, scratch / "model", info)
    served_model.save(scratch / "model", info, scratch / "served")
    return scratch / "served"


def _latencies(served: Path, raw: bytes, what: str, requests: int, http: bool) -> list[dict[str, Any]]:
    """Milliseconds from one picture to its answer."""
    import mlflow.pyfunc
    import pandas as pd

    service = mlflow.pyfunc.load_model(str(served))
    table, text = pd.DataFrame({"image": [raw]}), base64.b64encode(raw).decode()
    rows = [{"pictures": what, "part": "one, pyfunc", **percentiles(lambda: service.predict(table), requests)}]
    if http:
        with _server(served) as ask:
            body = json.dumps({"inputs": [text]}).encode()
            rows.append({"pictures": what, "part": "one, HTTP", **percentiles(lambda: ask(body), requests)})
    return rows


@contextlib.contextmanager
def _server(served: Path) -> Iterator[Callable[[bytes], Any]]:
    """`mlflow models serve` for as long as the context lasts; give a function that posts a body."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    app = "mlflow.pyfunc.scoring_server.app:app"  # what `mlflow models serve` starts, without its shell
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--log-level", "warning"]
    environment = {**os.environ, "__pyfunc_model_path__": str(served)}
    with subprocess.Popen(command, env=environment) as process:
        try:
            _wait(process, f"{address}/ping")
            headers = {"Content-Type": "application/json"}
            request = f"{address}/invocations"
            yield lambda body: urllib.request.urlopen(urllib.request.Request(request, body, headers), timeout=60).read()
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not answer within {START:.0f} s, or ended (exit code {process.poll()})")


if __name__ == "__main__":
    measure.program(main)
