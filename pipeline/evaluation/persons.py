"""Who can still be detected? Scores of whole persons, forgotten ones ranked among the never-seen.

A person's score is the sum of the standardised scores of their n pictures over √(n (1 + (n − 1) ρ)), with ρ the
correlation of two pictures of a never-seen person: persons with many pictures and with few then compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

FALSE_ALARMS = 0.01
TOP = 0.05  # share of all persons among whom too many forgotten ones are looked for


@dataclass(frozen=True)
class Ranking:
    """Forgotten persons among never-seen ones.

    Attributes:
        table: the most detectable first: unit (a person: no name for others to read), pictures, score, rank (share of
            never-seen persons that score as much or more, in [0, 1]: small is suspicious), detected (above all but
            FALSE_ALARMS of them; of fewer than 1 / FALSE_ALARMS persons: above all).
        p_high, p_low: probability that so many forgotten persons are among the TOP highest (lowest) scores of all by
            chance, were they never seen.
    """

    table: pd.DataFrame
    p_high: float
    p_low: float


def rank(members: np.ndarray, member_units: np.ndarray, others: np.ndarray, other_units: np.ndarray) -> Ranking:
    """Rank the forgotten persons.

    Args:
        members, others: [M] and [K] scores of pictures, greater for what looks more like training data.
        member_units, other_units: [M] and [K] the person of each.
    """
    centre, spread = float(others.mean()), float(others.std()) or 1.0
    standard = (members - centre) / spread, (others - centre) / spread
    likeness = _correlation(standard[1], other_units)
    forgotten, fresh = (
        _scores(x, units, likeness) for x, units in zip(standard, (member_units, other_units), strict=True)
    )
    score, unseen = forgotten["score"].to_numpy(), np.sort(fresh["score"].to_numpy())
    at_least = len(unseen) - np.searchsorted(unseen, score, "left")
    table = pd.DataFrame(
        {
            "unit": forgotten.index.to_numpy(),
            "pictures": forgotten["pictures"].to_numpy(),
            "score": score,
            "rank": at_least / len(unseen),
            "detected": at_least <= FALSE_ALARMS * len(unseen),
        }
    )
    table = table.sort_values(["score", "unit"], ascending=[False, True], ignore_index=True)
    return Ranking(table, _too_many(score, unseen), _too_many(-score, -unseen))


def _scores(standardised: np.ndarray, units: np.ndarray, likeness: float) -> pd.DataFrame:
    grouped = pd.Series(standardised).groupby(np.asarray(units).astype(str))
    n = grouped.size()
    return pd.DataFrame({"score": grouped.sum() / np.sqrt(n * (1 + (n - 1) * likeness)), "pictures": n})


def _correlation(standardised: np.ndarray, units: np.ndarray) -> float:
    """Of two pictures of one person, in [0, 1]: intraclass, from one-way analysis of variance."""
    grouped = pd.Series(standardised).groupby(np.asarray(units).astype(str))
    n = grouped.size()
    persons, pictures = len(n), int(n.sum())
    if persons < 2 or pictures == persons:
        return 0.0
    size = (pictures - (n**2).sum() / pictures) / (persons - 1)
    between = float((n * (grouped.mean() - standardised.mean()) ** 2).sum() / (persons - 1))
    within = float(((standardised - grouped.transform("mean")) ** 2).sum() / (pictures - persons))
    whole = between + (size - 1) * within
    return float(np.clip((between - within) / whole, 0, 1)) if whole else 0.0


def _too_many(score: np.ndarray, unseen: np.ndarray) -> float:
    """Chance of as many forgotten persons among the TOP of all scores (hypergeometric); ties count for the unseen."""
    from scipy.stats import hypergeom

    together = len(score) + len(unseen)
    top = max(1, round(TOP * together))
    order = np.lexsort((np.r_[np.ones(len(score)), np.zeros(len(unseen))], -np.r_[score, unseen]))
    found = int((order[:top] < len(score)).sum())
    return float(hypergeom.sf(found - 1, together, len(score), top))
