"""Scores of membership from what a model says about each picture alone: greater means more like training data.

p is the predicted distribution, y the label, both per sample. Scores that compare with other models are in
`pipeline.evaluation.likelihood`. Scores of several binary attributes add up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Predicted:
    """What a model says about M pictures of C classes.

    Attributes:
        log_p, p: [M, C] float64.
        own: index of each picture's own label in them.
    """

    log_p: np.ndarray
    p: np.ndarray
    own: tuple[np.ndarray, np.ndarray]


def loss(told: Predicted) -> np.ndarray:
    """log p_y (Yeom et al., CSF 2018)."""
    return told.log_p[told.own]


def confidence(told: Predicted) -> np.ndarray:
    """log max p (Salem et al., NDSS 2019)."""
    return told.log_p.max(axis=1)


def entropy(told: Predicted) -> np.ndarray:
    """Σ p log p (Shokri et al., S&P 2017)."""
    from scipy.special import xlogy

    return xlogy(told.p, told.p).sum(axis=1)


def m_entropy(told: Predicted) -> np.ndarray:
    """(1 − p_y) log p_y + Σ_{i≠y} p_i log(1 − p_i) (Song & Mittal, USENIX Security 2021).

    Unlike entropy it tells confident and right from confident and wrong.
    """
    rest = np.clip(1 - told.p, 0, 1)  # of all other classes
    wrong = told.p * np.log(np.maximum(rest, np.finfo(np.float64).tiny))
    wrong[told.own] = 0
    return rest[told.own] * told.log_p[told.own] + wrong.sum(axis=1)


class Signal(NamedTuple):
    """An attack's score, and whether it takes a threshold for each label; the paper's `loss` has one for all."""

    score: Callable[[Predicted], np.ndarray]
    per_label: bool


SIGNALS = {
    "loss": Signal(loss, per_label=False),
    "confidence": Signal(confidence, per_label=True),
    "entropy": Signal(entropy, per_label=True),
    "m_entropy": Signal(m_entropy, per_label=True),
}


def signals(logits: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """All SIGNALS, each [M] float64.

    Args:
        logits: [M, C] of classes, or [M, A] of binary attributes.
        labels: [M], or [M, A] of 0 and 1.
    """
    if labels.ndim == 1:
        told = [_predicted(logits.astype(np.float64), labels)]
    else:
        pairs = np.stack([np.zeros_like(logits, np.float64), logits.astype(np.float64)], axis=2)
        told = [_predicted(pairs[:, place], labels[:, place]) for place in range(labels.shape[1])]
    return {name: np.sum([signal.score(one) for one in told], axis=0) for name, signal in SIGNALS.items()}


def per_label(
    members: np.ndarray, member_labels: np.ndarray, others: np.ndarray, other_labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scores less the mean of non-members with the same label, so that one threshold is a threshold for each label.

    Song & Mittal, USENIX Security 2021: a model is surer of some labels than of others, and a forget set may have more
    of them. A label that no non-member has takes the mean of all.

    Args:
        members, others: [M] and [K] scores; labels [M] and [K], or [M, A] and [K, A] of attributes.
    """
    both, labels = np.concatenate([members, others]), np.concatenate([member_labels, other_labels])
    less = less_label_mean(both, labels, np.arange(len(both)) >= len(members))
    return less[: len(members)], less[len(members) :]


def less_label_mean(scores: np.ndarray, labels: np.ndarray, unseen: np.ndarray, least: int = 1) -> np.ndarray:
    """Scores less the mean of the never-seen pictures with the same label: [M].

    Args:
        scores: [M]; labels [M], or [M, A] of attributes.
        unseen: bool [M], whose means are taken.
        least: pictures; a label that fewer never-seen ones have takes the mean of all of these.
    """
    codes = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
    count = np.bincount(codes[unseen], minlength=codes.max() + 1)
    total = np.bincount(codes[unseen], scores[unseen], minlength=codes.max() + 1)
    mean = np.where(count >= least, total / np.maximum(count, 1), scores[unseen].mean())
    return np.asarray(np.round(scores - mean[codes], 9))


def _predicted(logits: np.ndarray, labels: np.ndarray) -> Predicted:
    from scipy.special import log_softmax

    log_p = log_softmax(logits, axis=1)
    return Predicted(log_p, np.exp(log_p), (np.arange(len(labels)), labels))
