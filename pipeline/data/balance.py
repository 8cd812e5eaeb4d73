"""Dividing units so that sizes are as asked and label mixes alike."""

from __future__ import annotations

import numpy as np
import pandas as pd

SHUFFLES = 500  # orders of units tried; the one with the most equal label mixes is taken
UNSEEN_SHIFT = 0.02  # total variation distance that unseen may have from forget in order to be larger


def assign(counts: np.ndarray, goals: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """Side of each unit: the best of many random orders, each filled side by side.

    Random orders keep the sides exchangeable, which a greedy filling by size would not; taking the best of them makes
    their label mixes alike.

    Args:
        counts: [U, C] images of each unit by label.
        goals: images wanted on each side; what is left over is retain.
    """
    names = [*goals, "retain"]
    cuts = np.cumsum(list(goals.values()))
    sizes, overall = counts.sum(axis=1), counts.sum(axis=0) / max(counts.sum(), 1)
    best, chosen = np.inf, np.zeros(len(counts), dtype=int)
    for _ in range(SHUFFLES):
        order = rng.permutation(len(counts))
        middle = np.cumsum(sizes[order]) - sizes[order] / 2  # a unit lies where its middle does: off by half a unit
        where = np.empty(len(counts), dtype=int)
        where[order] = np.searchsorted(cuts, middle, side="right")
        told = np.stack([np.bincount(where, weights=column, minlength=len(names)) for column in counts.T], axis=1)
        cost = _cost(told, names, list(goals.values()), overall)
        if cost < best:
            best, chosen = cost, where
    return np.array(names, dtype=object)[chosen]


def _cost(told: np.ndarray, names: list[str], goals: list[float], overall: np.ndarray) -> float:
    """How uneven the sides are: distances of label mixes, misses of size, and forget images without an equal in pool.

    Args:
        told: [S, C] images of each side by label; the last side is retain.
    """
    sizes = told.sum(axis=1)
    shift = np.abs(told / np.maximum(sizes, 1)[:, None] - overall).sum(axis=1) / 2
    miss = np.abs(sizes[:-1] - goals) / np.maximum(goals, 1)
    short = 0.0
    if "pool" in names:
        forget = told[names.index("forget")]
        short = np.maximum(forget - told[names.index("pool")], 0).sum() / max(forget.sum(), 1)
    return float(shift.sum() + miss.sum() + short + (sizes == 0).sum() * len(sizes))


def matching(labels: pd.Series, wanted: np.ndarray, rng: np.random.Generator, least: int = 0) -> np.ndarray:
    """Images of a pool whose label mix is that of another set: as many as possible, at most as many as that set has.

    Args:
        labels: [P] of the pool.
        wanted: [C] images of the other set by label.
        least: taken to be the size of a smaller set: a few persons are to be compared with many.

    Returns:
        Index labels of the chosen images.
    """
    there = np.bincount(labels, minlength=len(wanted))
    mix = wanted / max(wanted.sum(), 1)
    scaled = wanted * max(1, least / max(wanted.sum(), 1))
    best, nearest = np.zeros(len(wanted), dtype=int), np.inf
    for share in np.linspace(1, 0, 200, endpoint=False):
        take = np.minimum(there, np.round(share * scaled).astype(int))
        shift = np.abs(take / max(take.sum(), 1) - mix).sum() / 2
        if take.sum() and shift < nearest:
            best, nearest = take, shift
        if nearest <= UNSEEN_SHIFT:
            break
    chosen = [rng.choice(labels.index[labels == label], size=n, replace=False) for label, n in enumerate(best) if n]
    return np.concatenate(chosen) if chosen else np.array([], dtype=int)
