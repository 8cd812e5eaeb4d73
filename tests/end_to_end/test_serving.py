"""A promoted model answers real HTTP requests with the probabilities of the model that was registered."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import registry_checkout as tiny
import torch
from servers import free_port, running

from pipeline import layout, models, registry, tracking, tracking_store

pytestmark = pytest.mark.end_to_end
SIZE, CLASSES = 32, ["child", "adult"]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DVC_ROOT", "MLFLOW_TRACKING_URI", "DLFD_TRACKING", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    tiny.make(tmp_path)
    return tmp_path


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


def ask(url: str, pixels: np.ndarray) -> np.ndarray:
    body = json.dumps({"inputs": pixels.tolist()}).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return np.array(json.load(answer)["predictions"], dtype="float32")


def test_a_promoted_model_is_served(checkout: Path) -> None:
    folder = write_resnet()
    with tracking.stage_run("register") as run:
        version = registry.register("faces", folder, tiny.metrics(), run.id)
    registry.promote("faces", version.number)
    address = f"http://127.0.0.1:{(port := free_port())}"
    serve = ["models", "serve", "-m", "models:/faces@champion", "--env-manager", "local", "--port", str(port)]
    local = models.load(folder)
    with running(serve, checkout / "serve.log", f"{address}/ping", MLFLOW_TRACKING_URI=tracking_store.uri()):
        for batch in (1, 3):
            pixels = np.random.default_rng(batch).random((batch, 3, SIZE, SIZE), dtype=np.float32)
            with torch.no_grad():
                wanted = local(torch.from_numpy(pixels)).softmax(1).numpy()
            np.testing.assert_allclose(ask(f"{address}/invocations", pixels), wanted, rtol=1e-4, atol=1e-5)
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(f"{address}/invocations", np.zeros((1, 3, SIZE, SIZE + 1), "float32"))
        assert refused.value.code == 400, "a picture of the wrong size is refused, not guessed"
