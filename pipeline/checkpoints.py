"""Evaluation of a checkpoint outside the pipeline: raw data in, figures out, nothing kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipeline import models, paper_checkpoint
from pipeline.data import raw, sources, splits, store, subsets, tasks
from pipeline.data.groups import SUBSETS
from pipeline.errors import ModelError
from pipeline.evaluation.metrics import summarise
from pipeline.evaluation.samples import per_sample
from pipeline.settings import DataSettings, EvaluateSettings, SplitSettings


def evaluate(
    checkpoint: Path, data: Path, *, task: str, image_size: int, split: SplitSettings, seed: int, device: str = "auto"
) -> dict[str, float]:
    """The figures of `metrics/<model>.json` for a checkpoint of the paper's authors or a model folder of ours.

    Args:
        checkpoint: a .pth file in the paper's layout (`pipeline.paper_checkpoint`), or a folder with model.safetensors.
        data: folder or archive of any known layout.
        image_size: pixels a side of the pictures that the model sees.
        split: who counts as forgotten; a checkpoint's own split is `published`.

    Raises:
        DataError, ModelError: the data or the checkpoint cannot be read, or they do not fit each other.
    """
    chosen = models.select_device(device)
    model = models.load(checkpoint) if checkpoint.is_dir() else paper_checkpoint.read(checkpoint)
    model = models.to_device(model, chosen)
    with tempfile.TemporaryDirectory(prefix="dlfd-") as scratch:
        with raw.opened(data, Path(scratch)) as root:
            faces = store.build(sources.read(root), Path(scratch) / "faces", DataSettings(image_size=image_size))
        wanted = len(tasks.output_names(faces.info["classes"], task))
        if model.classes != wanted:
            raise ModelError(f"{checkpoint} predicts {model.classes} classes, {task!r} of {data} has {wanted}")
        table = splits.make(faces.table, faces.info["classes"], task=task, settings=split, seed=seed).table
        loaded = subsets.load(Path(scratch) / "faces", table, chosen, task=task, only=SUBSETS)
        return summarise(per_sample(model, loaded, table), EvaluateSettings(), seed)
