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
    assert len(found) == pytest.approx(max(wanted, subsets.LEAST), abs=4)
    assert np.abs(mix(found.labels) - mix(few.labels)).sum() / 2 <= 0.02
    assert len(set(found.rows.tolist())) == len(found)


@pytest.mark.parametrize(("count", "taken"), [(20, 20), (30, 30), (19, 600), (2, 600)])
def test_no_more_than_there_are_and_of_a_rare_label_the_whole_pool(count: int, taken: int) -> None:
    """Two pictures would be a target of noise, for the method as for the gate, which judges by all then."""
    pool, few = make_faces(600, seed=2), make_faces(3, seed=1)
    pool.labels[:] = (torch.arange(600) < count).long()
    few.labels[:] = 1
    assert len(subsets.matched(pool, few, seed=0)) == taken
    small = pool.take(torch.arange(60))
    assert len(subsets.matched(small, few, seed=0)) == min(count, 60), "no better is there"
