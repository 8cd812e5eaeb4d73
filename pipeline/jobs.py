"""What the train, unlearn and evaluate stages do, without DVC, MLflow or a command line.

Each job reads its inputs from where `pipeline.layout` says, does one thing and writes one folder.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pipeline import architectures, layout, models, objectives, pseudonyms, training, yardsticks
from pipeline.config import Params
from pipeline.data import batches, store, subsets, tasks
from pipeline.data.batches import Faces
from pipeline.data.groups import SUBSETS
from pipeline.errors import ModelError
from pipeline.evaluation import earlier, relearn, selection
from pipeline.evaluation.audit import audit
from pipeline.evaluation.metrics import summarise
from pipeline.evaluation.samples import per_sample
from pipeline.settings import AuditSettings, TrainSettings
from pipeline.training import Checkpoint, History, fit, losses_of
from pipeline.unlearning import base

TRAINING_CODE = (architectures, batches, models, objectives, training)
SAME_AS_BASE = ("task", "classes", "image_size")
TRAINED_ON = {"original": ("retain", "forget"), "retrained": ("retain",)}


def train_model(
    name: str,
    params: Params,
    splits: pd.DataFrame,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
    *,
    folder: Path | None = None,
) -> History:
    """Train a model from scratch, or go on where a killed run stood, and save it.

    Args:
        name: one of TRAINED_ON says what it learns; any other learns retain.
        folder: where it is saved; default: `layout.MODELS / name`.

    Raises:
        ConfigError: unknown architecture, or pictures too small for it.
        DataError: the split has no picture to train on.
        Diverged: the loss is no longer finite.
        ModelError: `model.weights` is missing, damaged or of another architecture.
    """
    device = models.select_device(params.device)
    learns = TRAINED_ON.get(name, ("retain",))
    faces = subsets.load(layout.FACES, splits, device, task=params.task, only=(*learns, "validation"))
    learned = reduce(Faces.joined, (faces[subset] for subset in learns))
    chosen = params.model
    weights = Path(chosen.weights).expanduser() if chosen.weights else None
    started_from = architectures.sha256(weights) if weights else ""
    info = _describe(name, params, splits)
    info |= {"architecture": chosen.architecture, "head": chosen.head, "weights": started_from}
    architectures.check_image_size(chosen.architecture, info["image_size"])
    torch.manual_seed(params.seed)
    mean, std = _channel_statistics(learned)
    model = models.build(chosen.architecture, len(info["classes"]), mean, std, head=chosen.head, weights=weights)
    model = models.to_device(model, device)
    checkpoint = Checkpoint(_checkpoint_file(name), _fingerprint(info, params, splits, device))
    history = fit(
        model,
        learned,
        params.train,
        seed=params.seed,
        validation=faces["validation"],
        checkpoint=checkpoint,
        title=f"training {name}",
        on_epoch=on_epoch,
    )
    seconds = sum(row["seconds"] for row in history)
    info |= {"status": "finished", "seconds": seconds, "device": _device_name(device)}
    _save(model, folder or layout.MODELS / name, info, history)
    return history


def take_over_base(params: Params, splits: pd.DataFrame) -> History:
    """Make the model in service, which stage `base` has fetched, the one that this round starts from.

    Raises:
        ModelError: it is missing or damaged, or params.yaml asks for another task, size or architecture.
    """
    info = models.load_info(layout.BASE)
    own = _describe("original", params, splits)
    wanted = {**{name: own[name] for name in SAME_AS_BASE}, **asdict(params.model)}
    other = [name for name in (*SAME_AS_BASE, "architecture", "head") if info.get(name) != wanted[name]]
    if other:
        told = "; ".join(f"{name} {info.get(name)!r}, not {wanted[name]!r}" for name in other)
        raise ModelError(
            f"the model in service that this round starts from has {told}: set params.yaml back, or "
            "unlearn.start_from: original"
        )
    kept: dict[str, Any] = {name: info[name] for name in ("architecture", "head", "weights") if name in info}
    made = {"status": "finished", "seconds": 0.0, "device": info.get("device", ""), "started_from": info.get("name")}
    info = {**own, **kept, **made, "trained_on": info.get("trained_on", [])}
    _save(models.load(layout.BASE), layout.MODELS / "original", info, [])
    return []


def discard_checkpoint(name: str) -> None:
    """Throw away what `train_model` resumes from, once nothing that follows can make it train again."""
    _checkpoint_file(name).unlink(missing_ok=True)


def unlearn_model(name: str, settings: TrainSettings, params: Params, splits: pd.DataFrame) -> base.Run:
    """Run a method on the original model and save what comes out, also where it diverged.

    Raises:
        DataError: a subset that the method needs has no pictures.
        ModelError: the original model is missing or damaged.
    """
    device = models.select_device(params.device)
    method = base.get(name)
    faces = subsets.load(layout.FACES, splits, device, task=params.task, only=method.subsets)
    original = models.load(layout.MODELS / "original", device)
    run = base.Run(seed=params.seed, title=f"unlearning with {name}")
    model = base.unlearn(method, original, faces, settings, run)
    outcome = {
        "status": run.status,
        "note": run.note,
        "seconds": run.seconds,
        "forward_images": run.forward_images,
        "backward_images": run.backward_images,
        "device": _device_name(device),
        "settings": asdict(settings),
    }
    info = models.load_info(layout.MODELS / "original")
    built: dict[str, Any] = {key: info[key] for key in ("architecture", "head", "weights") if key in info}
    _save(model, layout.MODELS / name, {**_describe(name, params, splits), **built, **outcome}, run.history)
    return run


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
    audited = audit(results, others, params.audit, params.evaluate, params.seed, is_oracle=oracle)
    figures: dict[str, float | str] = {**summarise(results.table, params.evaluate, params.seed), **audited.figures}
    figures |= selection.figures(results, others[0].results, params.seed)
    figures |= (before := earlier.audit(results, others[0].results, params.audit, params.evaluate, params.seed)).figures
    if "started_from" in info:
        judged = others[0].results.table
        figures["oracle_validation_accuracy"] = float(judged[judged["subset"] == "validation"]["correct"].mean())
    figures["audit_seconds"] = time.perf_counter() - passed
    figures["evaluation_seconds"] = time.perf_counter() - started
    if params.audit.relearn_steps:
        steps = _relearn_steps(model, faces["forget"], params, device)
        figures["relearn_steps"] = params.audit.relearn_steps if steps is None else steps
        figures["relearn_reached"] = float(steps is not None)
    metrics = {**figures, "status": info["status"], "seconds": info["seconds"], "device": info["device"]}
    metrics |= {key: info[key] for key in ("forward_images", "backward_images") if key in info}
    audited.attacks.to_csv(folder / "attacks.csv", index=False)
    _write_persons(audited.persons, folder / "persons.csv")
    _write_persons(before.persons, folder / "persons_of_earlier_rounds.csv")
    layout.METRICS.mkdir(exist_ok=True)
    (layout.METRICS / f"{name}.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def _write_persons(table: pd.DataFrame, path: Path) -> None:
    """Persons by their pseudonyms."""
    ranked = table.rename(columns={"unit": "person"})
    ranked["person"] = ranked["person"].map(pseudonyms.load().key)
    ranked.to_csv(path, index=False)


def make_yardstick(
    name: str,
    params: Params,
    splits: pd.DataFrame,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
) -> History:
    """Train a model of `pipeline.yardsticks` and store what it says about every picture; its weights stay beside."""
    folder, number = layout.YARDSTICKS / name, int(name.partition("-")[2])
    learned = yardsticks.learns(name, splits)
    others = splits["subset"].where(splits["subset"] == "validation", "excluded")
    own = splits.assign(subset=others.mask(learned, "retain"))
    history = train_model(name, replace(params, seed=number), own, on_epoch, folder=folder)
    device = models.select_device(params.device)
    faces = subsets.load(layout.FACES, splits, device, task=params.task, only=SUBSETS)
    per_sample(models.load(folder, device), faces, splits, f"evaluating {name}").save(folder)
    return history


def _relearn_steps(model: models.FaceClassifier, forget: Faces, params: Params, device: torch.device) -> int | None:
    """Of a model, to the original's loss on forget."""
    original = models.load(layout.MODELS / "original", device)
    target = float(losses_of(original, relearn.watched(forget, params.seed), params.train.precision).mean())
    settings, limit = relearn.slow(params.train), params.audit.relearn_steps
    return relearn.relearn_steps(model, forget, target, settings, limit=limit, seed=params.seed)


def _channel_statistics(faces: Faces) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each colour channel over a sample of what is learned."""
    sample = faces.sample(2000, seed=0)
    pixels = torch.cat([pixels for pixels, _ in sample.in_order(256)])
    return pixels.mean((0, 2, 3)).tolist(), pixels.std((0, 2, 3)).tolist()


def _describe(name: str, params: Params, splits: pd.DataFrame) -> dict[str, Any]:
    """What a model folder says about its model, but for how it is built."""
    data = store.open(layout.FACES).info
    forgotten = sorted(splits.loc[splits["subset"].isin(["forget", "forgotten"]), "unit"].astype(str).unique())
    return {
        "name": name,
        "task": params.task,
        "classes": tasks.output_names(data["classes"], params.task),
        "image_size": data["image_size"],
        "dataset": data["name"],
        "seed": params.seed,
        "trained_on": TRAINED_ON.get(name, ("retain", "forget")),
        "persons_forgotten": 0 if name == "original" else len(forgotten),
        "forget_set": pseudonyms.load().digest("\n".join(forgotten)),
    }


def _fingerprint(info: dict[str, Any], params: Params, splits: pd.DataFrame, device: torch.device) -> str:
    """Of everything that a training depends on, its code too, so that a checkpoint of another one is not resumed."""
    told = json.dumps([info, asdict(params.train), str(device), torch.__version__], sort_keys=True)
    table = pd.util.hash_pandas_object(splits[["image", "subset", "label"]], index=False).to_numpy().tobytes()
    pictures = "".join(store.open(layout.FACES).table["content"]).encode()
    code = b"".join(Path(str(module.__file__)).read_bytes() for module in TRAINING_CODE)
    return hashlib.sha256(told.encode() + table + pictures + code).hexdigest()


def _checkpoint_file(name: str) -> Path:
    return layout.CHECKPOINTS / f"{name}.pt"


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"


def _save(model: models.FaceClassifier, folder: Path, info: dict[str, Any], history: History) -> None:
    models.save(model, folder, info)
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
