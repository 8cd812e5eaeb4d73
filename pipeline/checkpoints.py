"""Evaluation of a checkpoint outside the pipeline: raw data in, figures out, nothing kept."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.data import raw, sources, splits, store, subsets, tasks
from pipeline.data.subset_names import SUBSETS
from pipeline.errors import ModelError
from pipeline.evaluation.metrics import summarise
from pipeline.evaluation.samples import per_sample
from pipeline.learning import architectures, models, paper_checkpoint
from pipeline.settings import DataSettings, EvaluateSettings, SplitSettings

PAPER = {"task": "age", "image_size": 128, "seed": 0}  # where a .pth file says nothing
DRAWN_ANEW = (
    "protocol person draws the split anew (seed {seed}, default fractions): it is the model's own only if that came of "
    "the same data, seed and fractions, with nobody asked to be forgotten; else learned persons may count as never seen"
)


@dataclass(frozen=True)
class Evaluation:
    """What came out.

    Attributes:
        figures: as in `metrics/<model>.json`.
        task, image_size, seed: as asked for, or else the model's own.
        counts: pictures of each subset.
        warnings: a sentence for each leak of the split and each note on it, and that it was drawn anew.
    """

    figures: dict[str, float]
    task: str
    image_size: int
    seed: int
    counts: dict[str, int]
    warnings: list[str]


def evaluate(
    checkpoint: Path,
    data: Path,
    *,
    task: str | None = None,
    image_size: int | None = None,
    split: SplitSettings,
    seed: int | None = None,
    device: str = "auto",
) -> Evaluation:
    """Figures of a checkpoint of the paper's authors or of a model folder of ours.

    Args:
        checkpoint: a .pth file in the layout of `paper_checkpoint`, or a folder with model.safetensors.
        data: folder or archive of any known layout.
        task: what it predicts; default: what the folder says, `age` for a .pth file.
        image_size: pixels a side that it sees; default: what the folder says, 128 for a .pth file.
        split: who counts as forgotten; a checkpoint's own split is `published`.
        seed: of a split that is drawn, the attack's folds and the bootstrap; default: what the folder says, 0 for a
            .pth file.

    Raises:
        DataError, ModelError: the data or the checkpoint cannot be read, or they do not fit each other.
    """
    chosen = models.select_device(device)
    folder = checkpoint.parent if checkpoint.name == models.WEIGHTS else checkpoint
    told: dict[str, Any] = PAPER | (models.load_info(folder) if folder.is_dir() else {})
    task, image_size = task or told["task"], image_size or told["image_size"]
    seed = told["seed"] if seed is None else seed
    architectures.check_image_size(told.get("architecture", "resnet18"), image_size)
    model = models.load(folder) if folder.is_dir() else paper_checkpoint.read(checkpoint, task)
    model = models.to_device(model, chosen)
    with tempfile.TemporaryDirectory(prefix="dlfd-") as scratch:
        with raw.opened(data, Path(scratch)) as root:
            found = sources.read(root)
            wanted = tasks.output_names(found.classes, task)
            _check_classes(checkpoint, told.get("classes", model.classes), wanted, f"{task!r} of {data}")
            faces = store.build(found, Path(scratch) / "faces", DataSettings(image_size=image_size))
        made = splits.make(faces.table, faces.info["classes"], task=task, settings=split, seed=seed)
        loaded = subsets.load(Path(scratch) / "faces", made.table, chosen, task=task, only=SUBSETS)
        figures = summarise(per_sample(model, loaded, made.table).table, EvaluateSettings(), seed)
    warnings = [*made.summary["warnings"], *made.summary["notes"]]
    if split.protocol == "person":
        warnings.append(DRAWN_ANEW.format(seed=seed))
    return Evaluation(figures, task, image_size, seed, made.summary["counts"], warnings)


def _check_classes(checkpoint: Path, has: list[str] | int, wanted: list[str], what: str) -> None:
    """Compare the names of the classes; their number where the checkpoint has no names."""
    if has == (len(wanted) if isinstance(has, int) else wanted):
        return
    told = f"{has} classes" if isinstance(has, int) else f"{len(has)} classes ({', '.join(has)})"
    raise ModelError(f"{checkpoint} predicts {told}, {what} has {len(wanted)} ({', '.join(wanted)})")
