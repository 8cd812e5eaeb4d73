"""One pass of a model over all subsets, stored once: every metric, plot and audit starts here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from pipeline.data.tasks import ATTRIBUTES
from pipeline.errors import DataError
from pipeline.evaluation.logit_scores import binary_cross_entropy, cross_entropy, log_odds, margins, top_k_correct
from pipeline.progress import Advance, progress

if TYPE_CHECKING:  # who only reads what was stored need not wait for torch
    from pipeline.data.batches import Faces
    from pipeline.learning.models import FaceClassifier

LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Results:
    """What a model says about every picture of some subsets; all parts have the same rows.

    Attributes:
        table: columns image, subset, unit, label, loss (nats), margin, prediction, correct; top2_correct where there
            are more than two classes; correct_<name> for each attribute.
        labels: [M] classes or [M, A] attributes.
        logits: [M, C] float32.
        features: [M, D] float16, pooled.
    """

    table: pd.DataFrame
    labels: np.ndarray
    logits: np.ndarray
    features: np.ndarray

    def of(self, *subsets: str) -> Results:
        """The rows of some subsets."""
        chosen = self.table["subset"].isin(subsets).to_numpy()
        table = self.table[chosen].reset_index(drop=True)
        return Results(table, self.labels[chosen], self.logits[chosen], self.features[chosen])

    def save(self, folder: Path) -> None:
        """Write samples.parquet and outputs.npz."""
        folder.mkdir(parents=True, exist_ok=True)
        self.table.to_parquet(folder / "samples.parquet", index=False)
        np.savez(folder / "outputs.npz", labels=self.labels, logits=self.logits, features=self.features)


def load(folder: Path) -> Results:
    """What `Results.save` wrote.

    Raises:
        DataError: missing or damaged.
    """
    try:
        table = pd.read_parquet(folder / "samples.parquet")
        with np.load(folder / "outputs.npz") as file:
            return Results(table, file["labels"], file["logits"], file["features"])
    except FileNotFoundError as error:
        raise DataError(f"{error.filename} not found: run `dvc repro`") from None
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise DataError(f"{folder} is damaged ({error}): delete it and run `dvc repro`") from None


def per_sample(
    model: FaceClassifier, subsets: dict[str, Faces], splits: pd.DataFrame, title: str = "evaluating"
) -> Results:
    """Results of a model on every picture of the given subsets.

    Args:
        model: left in the mode it was in.
        subsets: name -> pictures.
        splits: the split table, for the unit (person) of each picture.
        title: of the progress that is shown.
    """
    unit = splits.set_index("image")["unit"]
    with progress(title, sum(map(len, subsets.values())), "images") as advance:
        parts = [_of_subset(name, model, faces, unit, advance) for name, faces in subsets.items() if len(faces)]
    return Results(
        pd.concat([part.table for part in parts], ignore_index=True),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.features for part in parts]),
    )


def _of_subset(name: str, model: FaceClassifier, faces: Faces, unit: pd.Series, advance: Advance) -> Results:
    from pipeline.learning.training import outputs_of

    features, logits = (found.cpu().numpy() for found in outputs_of(model, faces, advance=advance))
    labels = faces.labels.cpu().numpy()
    images = faces.rows.numpy()
    figures = _attributes(logits, labels) if labels.ndim == 2 else _classes(logits, labels)
    table = pd.DataFrame({"image": images, "subset": name, "unit": unit.loc[images].to_numpy(), **figures})
    return Results(table, labels.astype(np.int16), logits, features.clip(-LARGEST, LARGEST).astype(np.float16))


def _classes(logits: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    figures = {
        "label": labels.astype(np.int16),
        "loss": cross_entropy(logits, labels),
        "margin": margins(logits, labels),
        "prediction": logits.argmax(1).astype(np.int16),
        "correct": top_k_correct(logits, labels),
    }
    if logits.shape[1] > 2:  # of two, one is always right
        figures["top2_correct"] = top_k_correct(logits, labels, 2)
    return figures


def _attributes(logits: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Labels and predictions as codes (`pipeline.data.tasks`); `correct` is the share of attributes."""
    each = binary_cross_entropy(logits, labels)
    right = (logits > 0) == (labels > 0)
    places = 2 ** np.arange(labels.shape[1])
    loss = each.sum(1)
    return {
        "label": (labels @ places).astype(np.int16),
        "loss": loss,
        "margin": log_odds(loss),
        "prediction": ((logits > 0) @ places).astype(np.int16),
        "correct": right.mean(1),
        **{f"correct_{name}": right[:, place] for place, name in enumerate(ATTRIBUTES)},
    }
