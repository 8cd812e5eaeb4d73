"""One pass of a model over all subsets, kept as one row a picture: every metric, plot and audit starts here."""

from __future__ import annotations

import numpy as np
import pandas as pd
from torch import Tensor

from pipeline.data.batches import Faces
from pipeline.evaluation.accuracy import cross_entropy, margins, top_k_correct
from pipeline.models import FaceClassifier
from pipeline.training import logits_of


def per_sample(model: FaceClassifier, subsets: dict[str, Faces], splits: pd.DataFrame) -> pd.DataFrame:
    """Results of a model on every picture of the given subsets.

    Args:
        model: left in the mode it was in.
        subsets: name -> pictures.
        splits: the split table, for the unit (person) of each picture.

    Returns:
        Columns image, subset, unit, label, loss (nats), margin, prediction, correct, top2_correct.
    """
    unit = splits.set_index("image")["unit"]
    frames = [_frame(name, faces, logits_of(model, faces), unit) for name, faces in subsets.items() if len(faces)]
    return pd.concat(frames, ignore_index=True)


def _frame(name: str, faces: Faces, logits: Tensor, unit: pd.Series) -> pd.DataFrame:
    scores, labels = logits.cpu().numpy(), faces.labels.cpu().numpy()
    images = faces.rows.numpy()
    return pd.DataFrame(
        {
            "image": images,
            "subset": name,
            "unit": unit.loc[images].to_numpy(),
            "label": labels.astype(np.int16),
            "loss": cross_entropy(scores, labels),
            "margin": margins(scores, labels),
            "prediction": scores.argmax(1).astype(np.int16),
            "correct": top_k_correct(scores, labels),
            "top2_correct": top_k_correct(scores, labels, 2),
        }
    )
