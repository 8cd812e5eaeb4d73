"""Attacks that compare the model with models that never saw a picture (OUT) or did (IN): calibration, RMIA, LiRA.

The retrained model is an OUT model of every forgotten and every never-seen picture, and costs nothing more.
"""

from __future__ import annotations

import numpy as np

from pipeline.evaluation.signals import less_label_mean

INTERPOLATION = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
CLIP = 30.0  # of log-odds: beyond it only the precision of floats is measured
SHARED = 0.4  # correlation from which two models are taken to see the same difficulty
FEWEST_OF_LABEL = 20  # pictures whose mean says something
DEFAULT_INTERPOLATION = 0.3  # of the authors, where no reference model can tell


def calibrated(margins: np.ndarray, out_margins: np.ndarray, unseen: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What the model knows of a picture beyond what its difficulty and its label let one expect: score [M].

        score(x) = φ(x) − (α_y + β·φ_out(x)),  φ = log p_y − log Σ_{j≠y} p_j

    After difficulty calibration (Watson et al., ICLR 2022). The lines are ours: through the means of the never-seen
    pictures of each label, with β = s·min(1, r / SHARED), s the ratio of the standard deviations and r the correlation
    over all of them. Least squares would take off too little, since φ_out is itself a noisy measure of difficulty
    (regression dilution); between two models trained alike β = 1. A model that never saw x then has no score above
    another such picture's, however hard x is; nor for its label, which one model may like more than another does; and
    one that says the same of every picture has β = 0 and no score at all.

    Args:
        margins: [M] φ of the pictures under the model; `out_margins` [M] under a model that never saw them.
        unseen: bool [M], which of the pictures neither saw: the lines go through these.
        labels: [M] whole numbers. One that fewer than FEWEST_OF_LABEL never-seen pictures have takes the mean of all.
    """
    own, out = np.clip(margins, -CLIP, CLIP), np.clip(out_margins, -CLIP, CLIP)
    fresh, fresh_out = own[unseen], out[unseen]
    spread, spread_out = float(fresh.std()), float(fresh_out.std())
    slope = 0.0
    if spread > 0 and spread_out > 0:
        slope = spread / spread_out * float(np.clip(np.corrcoef(fresh, fresh_out)[0, 1] / SHARED, 0, 1))
    return less_label_mean(own - slope * out, labels, unseen, least=FEWEST_OF_LABEL)


def rmia(
    losses: np.ndarray,
    out_losses: np.ndarray,
    out: np.ndarray,
    population_losses: np.ndarray,
    population_out_losses: np.ndarray,
    interpolation: float = DEFAULT_INTERPOLATION,
) -> np.ndarray:
    """Offline RMIA with γ = 1 (Zarifzadeh et al., ICML 2024): score in [0, 1] of every picture x.

        score(x) = share of population pictures z with [p(x|θ) / p(x)] ≥ [p(z|θ) / p(z)]
        p(x) = ½ ((1 + a)·mean over OUT models of p(x|·) + (1 − a))

    Args:
        losses: [M] −log p(x|θ) of the pictures under the model.
        out_losses: [R, M] under each other model.
        out: [R, M] whether that model never saw the picture. Each picture needs one such model.
        population_losses, population_out_losses: [Z] and [R, Z], of pictures that no model saw.
        interpolation: a, in [0, 1].

    Returns:
        [M]. Ties with z count half, so that where nothing differs every score is ½.
    """
    ratios = _log_ratio(losses, out_losses, out, interpolation)
    everywhere = np.ones_like(population_out_losses, bool)
    others = np.sort(_log_ratio(population_losses, population_out_losses, everywhere, interpolation))
    below, up_to = np.searchsorted(others, ratios, "left"), np.searchsorted(others, ratios, "right")
    return np.asarray((below + up_to) / (2 * len(others)))


def _log_ratio(losses: np.ndarray, out_losses: np.ndarray, out: np.ndarray, interpolation: float) -> np.ndarray:
    """log p(x|θ) − log p(x), [M], rounded so that equal models tie."""
    p = np.where(out, np.exp(-out_losses), 0).sum(0) / out.sum(0)
    prior = ((1 + interpolation) * p + (1 - interpolation)) / 2
    return np.asarray(np.round(-losses - np.log(np.maximum(prior, np.finfo(np.float64).tiny)), 9))


def lira(margins: np.ndarray, other_margins: np.ndarray, out: np.ndarray) -> np.ndarray:
    """LiRA with medians and one shared variance (Carlini et al., S&P 2022, section VI.D): score [M].

        score(x) = log N(φ(x); μ_in(x), σ) − log N(φ(x); μ_out(x), σ),  φ = log p_y − log Σ_{j≠y} p_j

    Args:
        margins: [M] φ under the model.
        other_margins: [R, M] under each reference model.
        out: [R, M] whether that model never saw the picture.

    Returns:
        [M] the log-likelihood ratio; NaN where a picture has no IN or no OUT model.
    """
    means, squares, count = {}, 0.0, 0
    for name, chosen in (("in", ~out), ("out", out)):
        kept = np.where(chosen, other_margins, np.nan)
        means[name] = _median(kept)
        squares += float(np.nansum((kept - means[name]) ** 2))
        count += int((chosen.sum(0) - 1).clip(min=0).sum())
    variance = squares / count if count and squares else 1.0
    far_in, far_out = (margins - means["in"]) ** 2, (margins - means["out"]) ** 2
    return np.asarray((far_out - far_in) / (2 * variance))


def _median(values: np.ndarray) -> np.ndarray:
    """Median over the first axis of what is not NaN; NaN where there is nothing."""
    some = ~np.isnan(values).all(axis=0)
    median = np.full(values.shape[1], np.nan)
    median[some] = np.nanmedian(values[:, some], axis=0)
    return median


def best_interpolation(losses: np.ndarray, out: np.ndarray, population_losses: np.ndarray) -> float:
    """The a of RMIA that attacks one reference model best, with the others as its OUT models.

    Args:
        losses: [R, M] of the pictures under all reference models; `out` [R, M] which of them each never saw.
        population_losses: [R, Z].

    Returns:
        The default with fewer than three reference models, or where a picture has no OUT model among the others.
    """
    from pipeline.evaluation.membership import auc

    judged = out[1:].any(axis=0) if len(losses) >= 3 else np.zeros(losses.shape[1], bool)
    seen, fresh = judged & ~out[0], judged & out[0]
    if not seen.any() or not fresh.any():
        return DEFAULT_INTERPOLATION

    def reached(interpolation: float) -> float:
        score = rmia(
            losses[0][judged],
            losses[1:][:, judged],
            out[1:][:, judged],
            population_losses[0],
            population_losses[1:],
            interpolation,
        )
        return auc(score[seen[judged]], score[fresh[judged]])

    return max(INTERPOLATION, key=reached)
