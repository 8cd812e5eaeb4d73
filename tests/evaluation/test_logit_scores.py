from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.evaluation.logit_scores import cross_entropy, margins, top_k_correct

EXTREME = np.array(
    [
        [0.0, 0.0, 0.0],
        [80.0, -80.0, 0.0],
        [-80.0, 80.0, 0.0],
        [3e4, -3e4, 0.0],
        [-3e4, 3e4, 0.0],
        [1e-6, 0.0, -1e-6],
        [88.0, 87.999, -1000.0],
    ],
    dtype=np.float32,
)


def test_top_k_by_hand() -> None:
    logits = np.array([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [2.0, 1.0, 3.0]], dtype=np.float32)
    labels = np.array([0, 2, 1])
    assert top_k_correct(logits, labels).tolist() == [True, False, False]
    assert top_k_correct(logits, labels, 2).tolist() == [True, True, False]
    assert top_k_correct(logits, labels, 3).tolist() == [True, True, True]


@given(seed=st.integers(0, 10_000), count=st.integers(1, 30), classes=st.integers(2, 9), k=st.integers(1, 3))
@settings(max_examples=50)
def test_top_k_agrees_with_a_sort(seed: int, count: int, classes: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = rng.permuted(np.tile(np.arange(classes), (count, 1)), axis=1), rng.integers(classes, size=count)
    best = np.argsort(-logits, axis=1)[:, :k]
    assert top_k_correct(logits, labels, k).tolist() == [label in row for label, row in zip(labels, best, strict=True)]


def test_ties_count_against_the_model() -> None:
    constant = np.zeros((4, 4), dtype=np.float32)
    labels = np.arange(4)
    for k in (1, 2, 3):
        assert not top_k_correct(constant, labels, k).any()
    assert top_k_correct(constant, labels, 4).all()
    pair = np.array([[5.0, 5.0, 0.0]])
    assert not top_k_correct(pair, np.array([0])).any()
    assert top_k_correct(pair, np.array([0]), 2).all()


@pytest.mark.parametrize("label", [0, 1, 2])
def test_extreme_logits_agree_with_torch_in_double_precision(label: int) -> None:
    labels = np.full(len(EXTREME), label)
    wanted = F.cross_entropy(torch.from_numpy(EXTREME).double(), torch.from_numpy(labels), reduction="none").numpy()
    found = cross_entropy(EXTREME, labels)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-12)


def test_a_certain_sample_keeps_a_loss_above_zero() -> None:
    loss = cross_entropy(np.array([[60.0, 0.0, 0.0]], dtype=np.float32), np.array([0]))
    assert loss[0] == pytest.approx(2 * np.exp(-60.0), rel=1e-6), "float32 would round it to 0, and the attack to ties"


@given(
    logits=arrays(np.float32, (5, 4), elements=st.floats(-50, 50, width=32)),
    labels=arrays(np.int64, 5, elements=st.integers(0, 3)),
)
@settings(max_examples=100)
def test_the_margin_is_the_log_odds_of_the_label(logits: np.ndarray, labels: np.ndarray) -> None:
    log_p = torch.log_softmax(torch.from_numpy(logits).double(), 1)
    own = log_p.gather(1, torch.from_numpy(labels)[:, None])[:, 0]
    others = log_p.scatter(1, torch.from_numpy(labels)[:, None], -torch.inf).logsumexp(1)
    np.testing.assert_allclose(margins(logits, labels), (own - others).numpy(), rtol=1e-5, atol=1e-5)


def test_two_classes_have_the_difference_as_margin() -> None:
    logits = np.array([[2.0, 5.0], [-1.0, 1.0]])
    assert margins(logits, np.array([0, 1])).tolist() == [-3.0, 2.0]


def test_the_logits_are_left_as_they_are() -> None:
    logits = EXTREME.copy()
    cross_entropy(logits, np.zeros(len(logits), dtype=int))
    assert np.array_equal(logits, EXTREME)
