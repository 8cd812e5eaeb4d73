"""Scores of membership from what a model says about each picture alone: greater means more like training data.

p is the predicted distribution, y the label, both per sample. Scores that compare with other models are in
`pipeline.evaluation.likelihood`. Scores of several binary attributes add up.
"""

from __future__ import annotations

import numpy as np

SIGNALS = ("loss", "confidence", "entropy", "m_entropy")
PER_LABEL = ("confidence", "entropy", "m_entropy")  # attacks with a threshold for each label; `loss` is the paper's


def signals(logits: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """All SIGNALS, each [M] float64.

    loss: log p_y (Yeom et al., CSF 2018).
    confidence: log max p (Salem et al., NDSS 2019).
    entropy: Σ p log p (Shokri et al., S&P 2017).
    m_entropy: (1 − p_y) log p_y + Σ_{i≠y} p_i log(1 − p_i) (Song & Mittal, USENIX Security 2021), which unlike
        entropy tells confident and right from confident and wrong.

    Args:
        logits: [M, C] of classes, or [M, A] of binary attributes.
        labels: [M], or [M, A] of 0 and 1.
    """
    if labels.ndim == 1:
        return _of_classes(logits.astype(np.float64), labels)
    pairs = np.stack([np.zeros_like(logits, np.float64), logits.astype(np.float64)], axis=2)
    each = [_of_classes(pairs[:, place], labels[:, place]) for place in range(labels.shape[1])]
    return {name: np.sum([one[name] for one in each], axis=0) for name in SIGNALS}


def per_label(
    members: np.ndarray, member_labels: np.ndarray, others: np.ndarray, other_labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scores less the mean of non-members with the same label, so that one threshold is a threshold for each label.

    Song & Mittal, USENIX Security 2021: a model is surer of some labels than of others, and a forget set may have more
    of them. A label that no non-member has takes the mean of all.

    Args:
        members, others: [M] and [K] scores; labels [M] and [K], or [M, A] and [K, A] of attributes.
    """
    codes = np.unique(np.concatenate([member_labels, other_labels]), axis=0, return_inverse=True)[1].ravel()
    own, fresh = codes[: len(members)], codes[len(members) :]
    count = np.bincount(fresh, minlength=codes.max() + 1)
    total = np.bincount(fresh, others, minlength=codes.max() + 1)
    mean = np.where(count > 0, total / np.maximum(count, 1), others.mean())
    return np.round(members - mean[own], 9), np.round(others - mean[fresh], 9)


def _of_classes(logits: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    from scipy.special import log_softmax, xlogy

    log_p = log_softmax(logits, axis=1)
    p = np.exp(log_p)
    rest = np.clip(1 - p, 0, 1)  # of all other classes
    own = np.arange(len(labels)), labels
    log_rest = np.log(np.maximum(rest, np.finfo(np.float64).tiny))
    wrong = p * log_rest
    wrong[own] = 0
    return {
        "loss": log_p[own],
        "confidence": log_p.max(axis=1),
        "entropy": xlogy(p, p).sum(axis=1),
        "m_entropy": rest[own] * log_p[own] + wrong.sum(axis=1),
    }
