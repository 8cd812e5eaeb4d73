"""A checkout with tiny models, which `learning.models.load` needs no ResNet for: tests of registry and serving."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn

from pipeline import config, layout, pseudonyms
from pipeline.erasure import progress
from pipeline.learning import models
from pipeline.registry import evidence, gate, versions
from pipeline.tracking import tracking_store
from pipeline.tracking.tracking_store import Store

SIZE, CLASSES = 16, ["young", "middle", "old"]
WEIGHTS = iter(range(1000, 10_000))  # that no test has named


class Tiny(nn.Module):
    """Logits of the mean colour, scaled like a face classifier's input."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.convolution, self.head = nn.Conv2d(3, 4, 3, stride=2), nn.Linear(4, len(CLASSES))
        self.normalisation = nn.BatchNorm2d(4)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features = self.normalisation(self.convolution((pixels - 0.5) / 0.25)).relu().mean((2, 3))
        return self.head(features)


@contextmanager
def opened(folder: Path, *, drawn: bool = True) -> Iterator[pytest.MonkeyPatch]:
    """`make` in a folder that is the working one, whatever the environment of whoever runs the tests says.

    Args:
        drawn: whether `pipeline.learning.models.load` is `load`.
    """
    with pytest.MonkeyPatch.context() as patch:
        fill(folder, patch, drawn=drawn)
        yield patch


def fill(folder: Path, patch: pytest.MonkeyPatch, *, drawn: bool = True) -> None:
    """What `opened` does, for as long as a patch of one's own lasts."""
    for name in ("DVC_ROOT", "DVC_EXP_NAME", "MLFLOW_TRACKING_URI", "DLFD_TRACKING", "MLFLOW_EXPERIMENT_NAME"):
        patch.delenv(name, raising=False)
    patch.chdir(folder)
    if drawn:
        patch.setattr(models, "load", load)
    make(folder)


def load(folder: Path, device: str = "cpu") -> nn.Module:
    """In place of `pipeline.learning.models.load`."""
    return Tiny(int((folder / "model.safetensors").read_text())).eval()


def make(root: Path) -> None:
    """Data, split, params.yaml and the results of all models in the working folder's layout."""
    (root / ".dvc").mkdir(exist_ok=True)
    (root / "params.yaml").write_text("unlearn: {methods: [dlfd, neggrad]}\nregister: {model_name: faces}\n")
    layout.SPLITS.mkdir(parents=True)
    (layout.SPLITS / "splits.json").write_text(json.dumps({"protocol": "person", "counts": {"retain": 6, "forget": 4}}))
    for path in (layout.FACES / "dataset.json", layout.FACES / "table.parquet", layout.SPLITS / "splits.parquet"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path.name)
    (root / layout.FACES / "dataset.json").write_text(json.dumps({"name": "tiny", "images": 9, "persons": 4}))
    (root / layout.SPLITS / "splits.json").write_text(json.dumps({"protocol": "person", "counts": {"forget": 4}}))
    (root / layout.METRICS).mkdir(exist_ok=True)
    for name in ("original", "retrained", "dlfd", "neggrad"):
        write_model(name, seed=0)
        write_results(name, auc=0.5)


def write_results(name: str, auc: float, **own: Any) -> None:
    """Metrics and audits of a model; `auc` of every attack, `own` beside or in place of `metrics`."""
    audited = {"verdict": "forgotten", "strongest_auc": auc, "strongest_auc_low": auc - 0.1, "mia_accuracy": auc}
    audited |= {"strongest_auc_high": auc + 0.1, "mia_interval_low": auc - 0.1, "mia_interval_high": auc + 0.1}
    audited |= {"test_accuracy": 0.7, "persons_detected": 1.0, "persons_audited": 40.0}
    (layout.METRICS / f"{name}.json").write_text(json.dumps({**metrics(), **audited, **own}))
    folder = layout.EVALUATION / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "attacks.csv").write_text(
        f"attack,auc,auc_low,auc_high\nloss,{auc},{auc - 0.1},{auc + 0.1}\ncalibrated,{auc},{auc - 0.1},{auc + 0.1}\n"
    )
    (folder / "persons.csv").write_text("person,pictures,score,rank,detected\n")


def log(store: Store, model: Any, info: Any, figures: Any, tags: dict[str, str], run_id: str | None, *_: Any) -> str:
    """In place of `pipeline.serving.served_model.log`, whose export takes a second: a logged model with one file."""
    logged = store.client.create_logged_model(store.experiment, tags["method"], run_id, tags=tags)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.pt2").write_text(f"weights {tags['weights_sha256']}")
        store.client.log_model_artifacts(logged.model_id, folder)
    return str(logged.model_id)


def train(name: str, forget: str, retain: str = "ABC", nomus: float = 0.7) -> int:
    """A new version, registered as the stage does, whose split has these persons (a letter each) as said."""
    rows = [(one, one, "forget" if one in forget else "retain") for one in sorted({*forget, *retain})]
    pd.DataFrame(rows, columns=["person", "unit", "subset"]).to_parquet(layout.SPLITS / "splits.parquet")
    folder = write_model("dlfd", next(WEIGHTS))
    write_results("dlfd", 0.52, validation_nomus=nomus, validation_person_nomus=nomus)
    key = pseudonyms.load().key
    ranks = "".join(f"{key(one)},2,0.1,0.4,False\n" for one in forget)
    for file, rows_of in zip(layout.PERSONS, (ranks, ""), strict=True):
        (layout.EVALUATION / "dlfd" / file).write_text(f"person,pictures,score,rank,detected\n{rows_of}")
    version = versions.register(name, folder, json.loads((layout.METRICS / "dlfd.json").read_text()))
    enter(name, version.number)
    return version.number


def enter(name: str, number: int) -> None:
    """What the stage stores with a version, and in the ledger, of the results in the working folder."""
    figures = json.loads((layout.METRICS / "dlfd.json").read_text())
    decision = gate.decide(metrics(), {"dlfd": figures}, config.Params().register)
    evidence.attach(name, number, evidence.gather("dlfd", config.Params(), decision))
    progress.of_method("dlfd", f"{name}/{number}", figures)


def artifacts(source: str) -> Path:
    """Where a version's files are."""
    logged = tracking_store.connect().client.get_logged_model(source.removeprefix("models:/"))
    return Path(logged.artifact_location.removeprefix("file://"))


def write_model(name: str, seed: int) -> Path:
    """A model folder in the working folder; `seed` stands for its weights."""
    folder = layout.MODELS / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_text(str(seed))
    info = {"architecture": "tiny", "task": "age", "classes": CLASSES, "image_size": SIZE, "persons_forgotten": 4}
    info |= {"name": name, "dataset": "synthetic", "seed": 0, "weights": ""}
    (folder / "model.json").write_text(json.dumps(info))
    return folder


def metrics(nomus: float = 0.7, **other: Any) -> dict[str, Any]:
    """As metrics/<name>.json."""
    figures = {"validation_accuracy": 0.8, "validation_forgetting_score": 0.1, "validation_nomus": nomus}
    figures |= {"validation_persons": 40, "validation_persons_detected": 2, "validation_persons_over_forgotten": 0}
    figures |= {"validation_person_nomus": nomus, "validation_verdict": "forgotten", "validation_auc": 0.51}
    return {**figures, "status": "finished", **other}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
