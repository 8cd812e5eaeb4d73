"""Random labels."""

from __future__ import annotations

import torch
from helpers import CLASSES
from memorised import FORGET

from pipeline.learning.objectives import wrong_labels


def test_every_label_is_wrong_and_the_same_at_each_visit() -> None:
    wrong = wrong_labels(FORGET.labels, CLASSES, seed=0)
    assert (wrong != FORGET.labels).all()
    assert wrong.unique().tolist() == [0, 1, 2]
    assert torch.equal(wrong, wrong_labels(FORGET.labels, CLASSES, seed=0))
