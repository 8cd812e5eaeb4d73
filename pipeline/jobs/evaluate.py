"""What the stage `evaluate` does: one pass of a model over all subsets, then every metric from it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pandas as pd
import torch

from pipeline import layout, pseudonyms
from pipeline.config import Params
from pipeline.data import subsets
from pipeline.data.batches import Faces
from pipeline.data.subset_names import SUBSETS
from pipeline.evaluation import relearn
from pipeline.evaluation.judgement import judge
from pipeline.evaluation.samples import per_sample
from pipeline.jobs import yardsticks
from pipeline.learning import models
from pipeline.learning.training import losses_of
from pipeline.settings import AuditSettings


def evaluate_model(name: str, params: Params, splits: pd.DataFrame) -> dict[str, float | str]:
    """Metrics of a model, written to metrics/<name>.json; what they come from to workspace/evaluation/<name>/.

    The retrained model becomes a yardstick for the others as well.

    Raises:
        DataError: a subset has no pictures.
        ModelError: the model is missing or damaged.
    """
    device = models.select_device(params.device)
    info = models.load_info(layout.MODELS / name)
    model = models.load(layout.MODELS / name, device)
    faces = subsets.load(layout.FACES, splits, device, task=params.task, only=SUBSETS)
    started = time.perf_counter()
    results = per_sample(model, faces, splits, f"evaluating {name}")
    folder = layout.EVALUATION / name
    results.save(folder)
    if name == "retrained":
        results.save(layout.YARDSTICKS / name)
    passed = time.perf_counter()
    oracle = name == "retrained"  # which is evaluated before there are others
    others = yardsticks.load(AuditSettings() if oracle else params.audit, splits)
    judged = judge(results, others, params.audit, params.evaluate, params.seed, is_oracle=oracle)
    figures = dict(judged.figures)
    if "started_from" in info:
        oracles = others[0].results.table
        figures["oracle_validation_accuracy"] = float(oracles[oracles["subset"] == "validation"]["correct"].mean())
    figures["audit_seconds"] = time.perf_counter() - passed
    figures["evaluation_seconds"] = time.perf_counter() - started
    if params.audit.relearn_steps:
        steps = _relearn_steps(model, faces["forget"], params, device)
        figures["relearn_steps"] = params.audit.relearn_steps if steps is None else steps
        figures["relearn_reached"] = float(steps is not None)
    metrics = {**figures, "status": info["status"], "seconds": info["seconds"], "device": info["device"]}
    metrics |= {key: info[key] for key in ("forward_images", "backward_images") if key in info}
    judged.attacks.to_csv(folder / "attacks.csv", index=False)
    for ranked, file in zip((judged.persons, judged.earlier), layout.PERSONS, strict=True):
        _write_persons(ranked, folder / file)
    layout.METRICS.mkdir(exist_ok=True)
    (layout.METRICS / f"{name}.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def _write_persons(table: pd.DataFrame, path: Path) -> None:
    """Persons by their pseudonyms: `person` is that of the key of the unit, which of persons who share pictures, all
    forgotten together, is the least key."""
    ranked = table.rename(columns={"unit": "person"})
    ranked["person"] = ranked["person"].map(pseudonyms.load().key)
    ranked.to_csv(path, index=False)


def _relearn_steps(model: models.FaceClassifier, forget: Faces, params: Params, device: torch.device) -> int | None:
    """Of a model, to the original's loss on forget."""
    original = models.load(layout.MODELS / "original", device)
    target = float(losses_of(original, relearn.watched(forget, params.seed), params.train.precision).mean())
    limit = params.audit.relearn_steps
    return relearn.relearn_steps(model, forget, target, params.train, limit=limit, seed=params.seed)
