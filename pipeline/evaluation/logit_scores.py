"""What the logits of a picture say of its label: right or wrong, loss, margin. In NumPy, in double precision."""

from __future__ import annotations

import numpy as np


def top_k_correct(logits: np.ndarray, labels: np.ndarray, k: int = 1) -> np.ndarray:
    """Whether the label is among the k largest logits: bool [M] for logits [M, C] and labels [M].

    Ties are broken against the model: constant logits are never right by the order of the classes alone.
    """
    own = np.take_along_axis(logits, labels[:, None], axis=1)
    return (logits >= own).sum(axis=1) <= k


def margins(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """z_y − log Σ_{j≠y} exp z_j, [M]: the log-odds of the label (Carlini et al., LiRA, S&P 2022)."""
    own = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    others = logits.astype(np.float64).copy()
    np.put_along_axis(others, labels[:, None], -np.inf, axis=1)
    top = others.max(axis=1)
    return own - (top + np.log(np.exp(others - top[:, None]).sum(axis=1)))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """−log p_y per sample, [M], in nats: softplus(−margin), stable at both ends."""
    return np.logaddexp(0, -margins(logits, labels))


def binary_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """−log p of each attribute, [M, A], in nats, for logits [M, A] and labels [M, A] of 0 and 1."""
    return np.logaddexp(0, np.where(labels > 0, -logits, logits).astype(np.float64))


def log_odds(loss: np.ndarray) -> np.ndarray:
    """log p − log (1 − p) of p = exp(−loss), [M]: the margin of several attributes together."""
    return -loss - np.log(-np.expm1(-np.maximum(loss, np.finfo(np.float64).tiny)))
