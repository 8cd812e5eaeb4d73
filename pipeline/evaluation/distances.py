"""How far a model is from the retrained oracle: predictions, margins, features. 0 is the oracle itself.

All functions take two models' outputs on the same pictures, in the same order.
"""

from __future__ import annotations

import numpy as np

CLIP = 100.0  # of a margin, and of a per-sample divergence


def probabilities(logits: np.ndarray, attributes: bool) -> np.ndarray:
    """[M, 1, C] of classes, or [M, A, 2] of binary attributes, from logits [M, C] or [M, A]."""
    from scipy.special import expit, softmax

    if attributes:
        p = expit(logits.astype(np.float64))
        return np.stack([1 - p, p], axis=2)
    return np.asarray(softmax(logits.astype(np.float64), axis=1)[:, None])


def js_divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon divergence in bits, in [0, 1], mean over samples and attributes of `probabilities`."""
    from scipy.special import rel_entr

    middle = (p + q) / 2
    both = rel_entr(p, middle).sum(2) + rel_entr(q, middle).sum(2)
    return float(np.clip(both / 2 / np.log(2), 0, 1).mean())


def activation_distance(p: np.ndarray, q: np.ndarray) -> float:
    """Mean Euclidean distance of the predicted distributions, in [0, √2] (Golatkar et al., CVPR 2020)."""
    return float(np.sqrt(((p - q) ** 2).sum(2)).mean())


def margin_distance(margins: np.ndarray, oracle_margins: np.ndarray) -> float:
    """Mean |Δ| of the log-odds of the label, in nats."""
    return float(np.abs(_clipped(margins) - _clipped(oracle_margins)).mean())


def klom(margins: np.ndarray, oracle_margins: np.ndarray) -> float:
    """KL divergence of margins, mean over samples (KLoM: Georgiev et al., 2024), with Gaussians of one shared variance.

    KL(N(m, σ²) ‖ N(μ_o, σ²)) = (m − μ_o)² / (2σ²), with μ_o the mean over oracles of each picture, σ² the variance
    about it pooled over all pictures, and m of the one model there is. Ours: the paper's histograms take a hundred
    models.

    Args:
        margins: [M].
        oracle_margins: [R, M] of R ≥ 2 oracles.

    Returns:
        A number; NaN with fewer than two oracles, which have no spread.
    """
    if len(oracle_margins) < 2:
        return float("nan")
    others = _clipped(oracle_margins)
    variance = others.var(axis=0, ddof=1).mean()
    far = (_clipped(margins) - others.mean(axis=0)) ** 2
    return float(np.minimum(far / (2 * max(variance, 1e-12)), CLIP).mean())


def cka(features: np.ndarray, oracle_features: np.ndarray) -> float:
    """Linear centred kernel alignment of features [M, D] and [M, E], debiased: 1 is alike, 0 unrelated, at any M.

    Kornblith et al., ICML 2019, with the unbiased HSIC of Song et al., JMLR 2012. NaN for constant features or M < 4.
    Time is linear in M, memory no more than the features': no M × M kernel is made.
    """
    x, y = (found.astype(np.float64) for found in (features, oracle_features))
    if len(x) < 4 or not x.std(0).any() or not y.std(0).any():
        return float("nan")
    x, y = x - x.mean(0), y - y.mean(0)
    own = _hsic(x, x) * _hsic(y, y)
    return float(_hsic(x, y) / np.sqrt(own)) if own > 0 else float("nan")


def _hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased HSIC of the kernels K = xxᵀ and L = yyᵀ without their diagonals, up to a factor alignment does not see.

    Σ K∘L of whole kernels is ‖xᵀy‖², from which the diagonals are taken off.
    """
    n = len(x)
    (of_x, rows_x), (of_y, rows_y) = _sums(x), _sums(y)
    both = ((x.T @ y) ** 2).sum() - of_x @ of_y
    mixed = rows_x.sum() * rows_y.sum() / ((n - 1) * (n - 2)) - 2 * (rows_x @ rows_y) / (n - 2)
    return float(both + mixed)


def _sums(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The diagonal [M] of xxᵀ, and its row sums [M] without it."""
    diagonal = (x**2).sum(1)
    return diagonal, x @ x.sum(0) - diagonal


def _clipped(margins: np.ndarray) -> np.ndarray:
    return np.clip(margins, -CLIP, CLIP)
