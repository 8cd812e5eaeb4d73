"""Comparison samples: the label mix of another subset, and enough of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import CLASSES, make_faces

from pipeline.data import subsets


def mix(labels: torch.Tensor) -> np.ndarray:
    counts = np.bincount(labels.numpy(), minlength=CLASSES)
    return counts / counts.sum()


@pytest.mark.parametrize("wanted", [1, 3, 30, 200])
def test_a_handful_is_compared_with_many_of_the_same_labels(wanted: int) -> None:
    pool, few = make_faces(900, seed=2), make_faces(wanted, seed=1)
    found = subsets.matched(pool, few, seed=0)
    assert len(found) == pytest.approx(max(wanted, subsets.FEWEST), abs=4)
    assert np.abs(mix(found.labels) - mix(few.labels)).sum() / 2 <= 0.02
    assert len(set(found.rows.tolist())) == len(found)


def test_no_more_than_there_are() -> None:
    pool, few = make_faces(20, seed=2), make_faces(1, seed=1)
    found = subsets.matched(pool, few, seed=0)
    assert (found.labels == few.labels[0]).all()
    assert len(found) == int((pool.labels == few.labels[0]).sum())
