"""What the stage `train` does: a model from scratch, or the one in service taken over as a round's original."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pipeline import hashes, layout
from pipeline.config import Params
from pipeline.data import batches, store, subset_names, subsets, tasks
from pipeline.data.batches import Faces
from pipeline.errors import ModelError
from pipeline.jobs import model_folder
from pipeline.learning import architectures, models, objectives, training, weights_file
from pipeline.learning.training import Checkpoint, History, fit

MODULES = (
    *(architectures, batches, hashes, model_folder, models, objectives, subset_names, subsets, tasks, training),
    weights_file,
)
TRAINING_CODE = [Path(__file__), *(Path(str(module.__file__)) for module in MODULES)]
TRAINED_ON = {"original": ("retain", "forget"), "retrained": ("retain",)}
SAME_AS_BASE = ("task", "classes", "image_size")


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
        name: TRAINED_ON says what it learns; one that is not there (a yardstick) learns retain.
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
    started_from = weights_file.sha256(weights) if weights else ""
    info = model_folder.describe(name, params, splits, learns)
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
    info |= {"status": "finished", "seconds": seconds, "device": model_folder.device_name(device)}
    model_folder.save(model, folder or layout.MODELS / name, info, history)
    return history


def take_over_base(params: Params, splits: pd.DataFrame) -> History:
    """Make the model in service, which stage `base` has fetched, the one that this round starts from.

    Raises:
        ModelError: it is missing or damaged, or params.yaml asks for another task, size or architecture.
    """
    info = models.load_info(layout.BASE)
    own = model_folder.describe("original", params, splits, info.get("trained_on", []))
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
    model_folder.save(models.load(layout.BASE), layout.MODELS / "original", {**own, **kept, **made}, [])
    return []


def discard_checkpoint(name: str) -> None:
    """Throw away what `train_model` resumes from, once nothing that follows can make it train again."""
    _checkpoint_file(name).unlink(missing_ok=True)


def _channel_statistics(faces: Faces) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each colour channel over a sample of what is learned."""
    sample = faces.sample(2000, seed=0)
    pixels = torch.cat([pixels for pixels, _ in sample.in_order(256)])
    return pixels.mean((0, 2, 3)).tolist(), pixels.std((0, 2, 3)).tolist()


def _fingerprint(info: dict[str, Any], params: Params, splits: pd.DataFrame, device: torch.device) -> str:
    """Of everything that a training depends on, its code too, so that a checkpoint of another one is not resumed."""
    told = json.dumps([info, asdict(params.train), str(device), torch.__version__], sort_keys=True)
    table = pd.util.hash_pandas_object(splits[["image", "subset", "label"]], index=False).to_numpy().tobytes()
    pictures = "".join(store.open(layout.FACES).table["content"]).encode()
    code = b"".join(path.read_bytes() for path in TRAINING_CODE)
    return hashlib.sha256(told.encode() + table + pictures + code).hexdigest()


def _checkpoint_file(name: str) -> Path:
    return layout.CHECKPOINTS / f"{name}.pt"
