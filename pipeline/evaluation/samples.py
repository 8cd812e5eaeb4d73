"""One pass of a model over all subsets, kept as one row a picture: every metric, plot and audit starts here."""

from __future__ import annotations

import numpy as np
import pandas as pd
from torch import Tensor

from pipeline.data.batches import Faces
from pipeline.data.tasks import ATTRIBUTES
from pipeline.evaluation.accuracy import binary_cross_entropy, cross_entropy, log_odds, margins, top_k_correct
from pipeline.models import FaceClassifier
from pipeline.training import logits_of


def per_sample(model: FaceClassifier, subsets: dict[str, Faces], splits: pd.DataFrame) -> pd.DataFrame:
    """Results of a model on every picture of the given subsets.

    Args:
        model: left in the mode it was in.
        subsets: name -> pictures.
        splits: the split table, for the unit (person) of each picture.

    Returns:
        Columns image, subset, unit, label, loss (nats), margin, prediction, correct; top2_correct where there are
        more than two classes; correct_<name> for each attribute.
    """
    unit = splits.set_index("image")["unit"]
    frames = [_frame(name, faces, logits_of(model, faces), unit) for name, faces in subsets.items() if len(faces)]
    return pd.concat(frames, ignore_index=True)


def _frame(name: str, faces: Faces, logits: Tensor, unit: pd.Series) -> pd.DataFrame:
    scores, labels = logits.cpu().numpy(), faces.labels.cpu().numpy()
    images = faces.rows.numpy()
    figures = _attributes(scores, labels) if labels.ndim == 2 else _classes(scores, labels)
    return pd.DataFrame({"image": images, "subset": name, "unit": unit.loc[images].to_numpy(), **figures})


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
