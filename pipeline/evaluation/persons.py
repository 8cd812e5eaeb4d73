"""Who can still be detected? Scores of whole persons, forgotten ones ranked among the never-seen.

A person's score is the sum of the standardised scores of the pictures over √(their number) (Stouffer), so that persons
with many pictures and with few compare.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

FALSE_ALARMS = 0.01


def rank(members: np.ndarray, member_units: np.ndarray, others: np.ndarray, other_units: np.ndarray) -> pd.DataFrame:
    """Every forgotten person, the most detectable first.

    Args:
        members, others: [M] and [K] scores of pictures, greater for what looks more like training data.
        member_units, other_units: [M] and [K] the person of each.

    Returns:
        Columns person (a pseudonym), pictures, score, rank (share of never-seen persons that score as much or more, in
        [0, 1]: small is suspicious), detected (above all but FALSE_ALARMS of the never-seen).
    """
    centre, spread = float(others.mean()), float(others.std()) or 1.0
    forgotten = _scores((members - centre) / spread, member_units)
    unseen = np.sort(_scores((others - centre) / spread, other_units)["score"].to_numpy())
    score = forgotten["score"].to_numpy()
    at_least = len(unseen) - np.searchsorted(unseen, score, "left")
    table = pd.DataFrame(
        {
            "person": [pseudonym(unit) for unit in forgotten.index],
            "pictures": forgotten["pictures"].to_numpy(),
            "score": score,
            "rank": at_least / len(unseen),
            "detected": at_least <= FALSE_ALARMS * len(unseen),
        }
    )
    return table.sort_values(["score", "person"], ascending=[False, True], ignore_index=True)


def pseudonym(unit: str) -> str:
    """A short name for a person that is the same in every run. Who has the split table can resolve it."""
    return "person-" + hashlib.sha256(str(unit).encode()).hexdigest()[:8]


def _scores(standardised: np.ndarray, units: np.ndarray) -> pd.DataFrame:
    grouped = pd.Series(standardised).groupby(np.asarray(units).astype(str))
    return pd.DataFrame({"score": grouped.sum() / np.sqrt(grouped.size()), "pictures": grouped.size()})
