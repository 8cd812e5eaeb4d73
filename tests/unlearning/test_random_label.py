"""Random labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from helpers import CLASSES
from memorised import FORGET, QUICK, RETAIN

from pipeline.data.batches import Batch, Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import wrong_labels
from pipeline.unlearning import random_label
from pipeline.unlearning.base import Run


def test_wrong_labels_are_wrong_and_drawn_from_all_others() -> None:
    wrong = wrong_labels(FORGET.labels, CLASSES, seed=0)
    assert (wrong != FORGET.labels).all()
    assert wrong.unique().tolist() == [0, 1, 2]
    assert torch.equal(wrong, wrong_labels(FORGET.labels, CLASSES, seed=0))


def test_forget_has_one_wrong_label_a_picture_at_every_visit_and_retain_its_own(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What passes the model in three epochs, picture by picture."""
    seen: dict[int, set[int]] = {}
    epoch = Faces.epoch

    def watched(self: Faces, *args: Any, **kwargs: Any) -> Iterator[Batch]:
        for pixels, labels in epoch(self, *args, **kwargs):
            for picture, label in zip(pixels, labels.tolist(), strict=True):
                seen.setdefault(hash(picture.numpy().tobytes()), set()).add(label)
            yield pixels, labels

    monkeypatch.setattr(Faces, "epoch", watched)
    random_label.unlearn(model, random_label.Settings(**QUICK, epochs=3), Run(seed=0), retain=RETAIN, forget=FORGET)
    for faces, same in ((FORGET, False), (RETAIN, True)):
        for picture, label in zip(faces.pixels(torch.arange(len(faces))), faces.labels.tolist(), strict=True):
            (learned,) = seen[hash(picture.numpy().tobytes())]
            assert (learned == label) == same
