"""Made-up results of a run, as the stages before `compare` would leave them, for tests of the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tiny_metrics import figures

from pipeline import layout, stored_json
from pipeline.config import Params
from pipeline.data.tasks import is_multi_label
from pipeline.evaluation.samples import Results
from pipeline.registry import gate
from pipeline.report import stored
from pipeline.report.stored import Stored

SIZES = {"forget": 24, "retain": 60, "validation": 12, "test": 12, "unseen": 24}
PICTURES, WIDTH = 2, 6  # of a person; of the features
SPLIT: dict[str, Any] = {"protocol": "person", "warnings": [], "notes": []}
CLASSES = {
    "age": ["0-6", "7-12", "13-19", "20-30"],
    "emotion": ["happiness", "sadness"],
    "gender": ["female", "male"],
    "young": ["not_young", "young"],
    "smiling": ["not_smiling", "smiling"],
}
HISTORIES = {
    "dlfd": {
        "step": range(8),
        "loss": np.linspace(2, 1, 8),
        "accuracy": np.linspace(0.4, 0.6, 8),
        "distancing": [1, 1, 1, 0, 0, 0, 0, 0],
        "forgetting_score": [0.3, None, None, 0.02, None, None, None, None],
        "ot_cost": [0.1, 0.2, 0.3, None, None, None, None, None],
    },
    "ssd": {"step": [0], "dampened_share": [0.2]},
    "scrub": {"step": [0, 1, 1], "loss": [1.0, None, float("inf")], "forget_divergence": [None, 0.1, None]},
}
EPOCHS = {"epoch": range(5), "loss": np.linspace(2, 0.5, 5), "seconds": 1.0}


def make(
    methods: Sequence[str] = ("finetune", "dlfd"),
    *,
    task: str = "age",
    identities: bool = True,
    own: dict[str, dict[str, Any]] | None = None,
    broken: Sequence[str] = (),
) -> None:
    """Write workspace/ and metrics/ in the current folder.

    Args:
        methods: beside the original and the retrained model.
        identities: whether the data says who is on a picture.
        own: model -> figures of metrics/<model>.json that differ.
        broken: models whose losses and features are no numbers.
    """
    names = [*layout.TRAINED, *methods]
    for folder in (layout.FACES, layout.SPLITS, layout.METRICS):
        folder.mkdir(parents=True, exist_ok=True)
    count = sum(SIZES.values())
    dataset = {"name": "made up", "images": count, "classes": CLASSES}
    persons = count // PICTURES if identities else count
    _write(layout.FACES / "dataset.json", {**dataset, "identities": identities, "persons": persons})
    contents = [f"{number:064x}" for number in range(count)]
    pd.DataFrame({"image": range(count), "content": contents}).to_parquet(layout.FACES / "table.parquet")
    pd.DataFrame({"image": range(count)}).to_parquet(layout.SPLITS / "splits.parquet")
    _write(layout.SPLITS / "splits.json", {**SPLIT, "counts": SIZES, "persons": _persons_of(identities)})
    for number, name in enumerate(names):
        results = _results(number, task, broken=name in broken)
        results.save(layout.EVALUATION / name)
        _persons(results.table, number).to_csv(layout.EVALUATION / name / "persons.csv", index=False)
        folder = layout.MODELS / name
        folder.mkdir(parents=True)
        pd.DataFrame(HISTORIES.get(name, EPOCHS)).to_csv(folder / "history.csv", index=False)
        own_knobs = {"forgetting_threshold": 0.05} if name == "dlfd" else {}
        settings = {"settings": {"epochs": 2, **own_knobs}} if name in methods else {}
        _write(folder / "model.json", {"architecture": "resnet18", "device": "CPU, 1 threads", "note": "", **settings})
        told = figures(**{**_figures(number, name), **(own or {}).get(name, {})})
        _write(layout.METRICS / f"{name}.json", told)


def read(methods: Sequence[str] = ("finetune", "dlfd"), *, task: str = "age") -> Stored:
    """What `make` wrote, as the stage reads it."""
    params = Params(task=task)  # type: ignore[arg-type]  # one of the names in CLASSES
    metrics = stored_json.read_metrics(layout.METRICS, [*layout.TRAINED, *methods])
    decision = gate.decide(metrics["original"], {name: metrics[name] for name in methods}, params.register)
    return stored.read(metrics, decision, params, "abc1234")


def _figures(number: int, name: str) -> dict[str, Any]:
    accuracy = 0.8 - 0.02 * number
    return {
        "verdict": {"original": "remembers", "retrained": "yardstick"}.get(name, "forgotten"),
        "test_accuracy": accuracy,
        "mia_accuracy": 0.52 + 0.01 * number,
        "mia_interval_low": 0.48,
        "mia_interval_high": 0.56 + 0.01 * number,
        "forgetting_score": 2 * (0.02 + 0.01 * number),
        "nomus": accuracy,
        gate.ACCURACY: accuracy,
        gate.FORGETTING: 0.05,
        gate.NOMUS: accuracy,
        gate.VERDICT: "forgotten",
        gate.AUC: 0.51,
        gate.PERSONS: 12.0 * PICTURES,
        gate.PERSON_NOMUS: accuracy,
        gate.DETECTED: 3.0,
        gate.OVER_FORGOTTEN: 0.0,
        "relearn_steps": 10 * number,
        "forgotten_verdict": "forgotten",
        "forgotten_auc": 0.51,
        "forgotten_auc_low": 0.48,
        "forgotten_auc_high": 0.54,
        "forgotten_persons": 3.0,
        "forgotten_persons_detected": 0.0,
        "relearn_reached": 1.0,
    }


def _results(seed: int, task: str, *, broken: bool) -> Results:
    """The same pictures for every seed; features turned and stretched by it, losses its own."""
    fixed, rng = np.random.default_rng(99), np.random.default_rng(seed)
    subset = np.repeat(list(SIZES), list(SIZES.values()))
    count, classes = len(subset), 3 if is_multi_label(task) else len(CLASSES[task])
    codes = fixed.integers(2**classes if is_multi_label(task) else classes, size=count)
    labels = (codes[:, None] >> np.arange(classes)) & 1 if is_multi_label(task) else codes
    features = fixed.normal(size=(count, WIDTH)) * np.arange(WIDTH, 0, -1)
    turned = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0]
    loss = rng.exponential(1 + seed, count)
    bad = float("nan") if broken else 1.0
    table = pd.DataFrame(
        {
            "image": np.arange(count),
            "subset": subset,
            "unit": [f"p{number // PICTURES:03d}" for number in range(count)],
            "label": codes.astype(np.int16),
            "loss": loss * bad,
            "margin": -loss,
            "prediction": codes.astype(np.int16),
            "correct": rng.random(count) < 0.7,
        }
    )
    logits = rng.normal(size=(count, classes)).astype(np.float32)
    moved = (features @ turned * (1 + seed) + seed) * bad
    return Results(table, labels.astype(np.int16), logits, moved.astype(np.float16))


def _persons(table: pd.DataFrame, detected: int) -> pd.DataFrame:
    count = table.loc[table["subset"] == "forget", "unit"].nunique()
    return pd.DataFrame(
        {
            "person": [f"person-{number:08x}" for number in range(count)],
            "pictures": PICTURES,
            "score": np.linspace(3, -3, count),
            "rank": np.linspace(0, 1, count),
            "detected": np.arange(count) < detected,
        }
    )


def _persons_of(identities: bool) -> dict[str, int]:
    """Of each subset; without identities a picture is a person of its own."""
    return {subset: count // PICTURES if identities else count for subset, count in SIZES.items()}


def _write(path: Path, told: dict[str, Any]) -> None:
    path.write_text(json.dumps(told), encoding="utf-8")
