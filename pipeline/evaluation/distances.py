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
    """
    x, y = (found.astype(np.float64) for found in (features, oracle_features))
    if len(x) < 4 or not x.std(0).any() or not y.std(0).any():
        return float("nan")
    kernel, other = (_hollow(found @ found.T) for found in (x - x.mean(0), y - y.mean(0)))
    own = _hsic(kernel, kernel) * _hsic(other, other)
    return float(_hsic(kernel, other) / np.sqrt(own)) if own > 0 else float("nan")


def _hollow(kernel: np.ndarray) -> np.ndarray:
    np.fill_diagonal(kernel, 0)
    return kernel


def _hsic(k: np.ndarray, m: np.ndarray) -> float:
    """Unbiased up to a factor that alignment does not see."""
    n = len(k)
    mixed = k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 * (k.sum(0) @ m.sum(0)) / (n - 2)
    return float((k * m).sum() + mixed)


def _clipped(margins: np.ndarray) -> np.ndarray:
    return np.clip(margins, -CLIP, CLIP)
