"""A promoted model answers real HTTP requests with what the model says that was registered, and nothing stops it."""

from __future__ import annotations

import base64
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hostile
import numpy as np
import pandas as pd
import pytest
import registry_checkout as tiny
import torch
from servers import free_port, running

from pipeline import layout
from pipeline.learning import models
from pipeline.registry import versions
from pipeline.serving import prediction
from pipeline.tracking import stage_runs, tracking_store

pytestmark = pytest.mark.end_to_end
SIZE, CLASSES = 32, ["child", "adult"]


def write_resnet() -> Path:
    """A real model folder, its batch normalisation not as initialised."""
    torch.manual_seed(0)
    model = models.build("resnet18", len(CLASSES), [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]).train()
    with torch.no_grad():
        model(torch.rand(8, 3, SIZE, SIZE))
    info = {"architecture": "resnet18", "task": "age", "classes": CLASSES, "image_size": SIZE, "persons_forgotten": 2}
    models.save(model, layout.MODELS / "dlfd", info)
    pd.DataFrame({"step": [0], "loss": [1.0]}).to_csv(layout.MODELS / "dlfd/history.csv", index=False)
    return layout.MODELS / "dlfd"


@dataclass(frozen=True)
class Server:
    """`mlflow models serve`."""

    address: str

    def ask(self, body: bytes | dict[str, Any], kind: str = "application/json") -> tuple[int, Any]:
        """Status and answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/invocations", data=data, headers={"Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.load(answer)["predictions"]
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def pictures(self, *raw: bytes) -> list[dict[str, Any]]:
        """The rows about picture files."""
        status, rows = self.ask({"inputs": [base64.b64encode(one).decode() for one in raw]})
        assert status == 200, rows
        return list(rows)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, prediction.Predictor]]:
    """The champion, and the model that it is."""
    folder = tmp_path_factory.mktemp("serving")
    with tiny.opened(folder, drawn=False):
        model = write_resnet()
        with stage_runs.stage_run("register") as run:
            version = versions.register("faces", model, tiny.metrics(), run.id)
        versions.switch("faces", version.number)
        address = f"http://127.0.0.1:{(port := free_port())}"
        serve = ["models", "serve", "-m", "models:/faces@champion", "--env-manager", "local", "--port", str(port)]
        with running(serve, folder / "serve.log", f"{address}/ping", MLFLOW_TRACKING_URI=tracking_store.uri()):
            yield Server(address), prediction.load(model)


def test_the_champion_answers_with_labels_and_probabilities(served: tuple[Server, prediction.Predictor]) -> None:
    server, local = served
    for seeds in (range(1), range(3)):
        raw = [hostile.picture(form, seed=seed) for seed, form in zip(seeds, ("JPEG", "PNG", "WEBP"), strict=False)]
        for row, wanted in zip(server.pictures(*raw), local.answers(raw), strict=True):
            assert (row["label"], row["error"]) == (wanted.label, None)
            shares = [row[f"probability_{name}"] for name in CLASSES]
            np.testing.assert_allclose(shares, wanted.probabilities, rtol=1e-4, atol=1e-5)
    pixels = np.random.default_rng(0).random((2, 3, SIZE, SIZE), dtype=np.float32)
    status, rows = server.ask({"inputs": pixels.tolist()})
    assert status == 200
    assert [row["label"] for row in rows] == [answer.label for answer in local.answers(pixels)]


def test_what_is_hostile_gets_an_error_and_the_server_goes_on(served: tuple[Server, prediction.Predictor]) -> None:
    server, _ = served
    sound = hostile.picture()
    (wanted,) = server.pictures(sound)
    first, *lost, last = server.pictures(sound, *hostile.FILES.values(), sound)
    assert (
        first
        == last
        == {key: pytest.approx(value, abs=1e-5) if isinstance(value, float) else value for key, value in wanted.items()}
    )
    for kind, row in zip(hostile.FILES, lost, strict=True):
        assert row["label"] is None, kind
        assert row["error"], kind
    whole: dict[str, tuple[bytes, str]] = {
        "no JSON": (b"{", "application/json"),
        "no picture": (b'{"dataframe_records": [{"picture": "AAAA"}]}', "application/json"),
        "too many pictures": (json.dumps({"inputs": ["AAAA"] * 1001}).encode(), "application/json"),
        "nested without end": (b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "application/json"),
        "no UTF-8": (b'{"inputs": ["\xff"]}', "application/json"),
        "another type": (sound, "image/jpeg"),
        "no Parquet": (sound, "application/vnd.apache.parquet"),
    }
    for kind, (body, mime) in whole.items():
        status, told = server.ask(body, mime)
        assert 400 <= status < 600, kind
        assert told, kind
    huge = b'{"inputs": ["' + b"A" * 50_000_000 + b'"]}'
    status, rows = server.ask(huge)
    assert status == 200
    assert "37,500,000 bytes, no more than 20,000,000 are read" in rows[0]["error"]
    cut = socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2])))
    cut.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{")
    cut.close()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda _: server.pictures(hostile.FILES["bomb"], sound), range(16)))
    assert all(rows[1]["label"] == wanted["label"] for rows in together)
    with urllib.request.urlopen(f"{server.address}/ping", timeout=10) as answer:
        assert answer.status == 200
