"""Has it forgotten? The word follows from the attacks whose answer is known for a model that never saw the forget set.

The calibrated attack has an AUC of .5 for such a model whatever the pictures: `pipeline.evaluation.likelihood`. LiRA
has not: without memory its ratio falls with the square of what seeing a picture changes, and that is more for hard
ones. Of the model that is judged,

- *remembers*: an interval of such an AUC lies above .5 + floor, or so many forgotten persons have the highest scores as
  chance does not bring about (a few persons remembered well hardly move an AUC);
- *over-forgotten*: the same at the other end: losses on forget far above those of never-seen pictures of the same
  difficulty are a giveaway of their own (the paper's Figure 6);
- *too few persons*: fewer than FEWEST on a side, where intervals and counts say nothing;
- *forgotten*: none of these was shown. A wide interval shows less: read its upper end.

Intervals are bootstraps over persons, widened for the number of attacks (Bonferroni). The floor is what is called no
difference: `audit.tolerance`, or the spread of further oracles about the first where that is more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.evaluation.membership import LEVEL, Attack, interval

WORDS = FORGOTTEN, REMEMBERS, OVER_FORGOTTEN, TOO_FEW = "forgotten", "remembers", "over-forgotten", "too few persons"
YARDSTICK = "yardstick"  # of the oracle itself: all others are judged by it
JUDGES = ("calibrated",)
FEWEST = 20  # persons on either side
SURE = 0.005  # chance of the persons' ranks below which it is none


@dataclass(frozen=True)
class Verdict:
    """What the attacks say together.

    Attributes:
        word: one of the above.
        strongest: of JUDGES, the attack whose AUC is farthest from .5.
        low, high: interval of its AUC, widened for the number of attacks.
    """

    word: str
    strongest: str
    low: float
    high: float


def judge(
    attacks: Mapping[str, Attack], floor: float, *, p_high: float = 1.0, p_low: float = 1.0, persons: int = FEWEST
) -> Verdict:
    """Judge a model.

    Args:
        attacks: name -> attack, with at least one of JUDGES.
        floor: distance of an AUC from .5 that is none, ≥ 0.
        p_high, p_low: of `pipeline.evaluation.persons.Ranking`.
        persons: on the smaller side.
    """
    judges = {name: found for name, found in attacks.items() if name in JUDGES}
    level = 1 - (1 - LEVEL) / len(judges)
    intervals = {name: interval(found.draws, level) for name, found in judges.items()}
    strongest = max(judges, key=lambda name: abs(judges[name].auc - 0.5))
    return Verdict(_word(intervals, floor, p_high, p_low, persons), strongest, *intervals[strongest])


def _word(intervals: Mapping[str, tuple[float, float]], floor: float, p_high: float, p_low: float, persons: int) -> str:
    if persons < FEWEST:
        return TOO_FEW
    above = any(low > 0.5 + floor for low, _ in intervals.values())
    below = any(high < 0.5 - floor for _, high in intervals.values())
    if above or (p_high < SURE and not below):
        return REMEMBERS
    return OVER_FORGOTTEN if below or p_low < SURE else FORGOTTEN


def noise_floor(tolerance: float, others: Sequence[Mapping[str, Attack]]) -> float:
    """The tolerance, or the root mean square distance from .5 of JUDGES on further oracles."""
    squares = [(found.auc - 0.5) ** 2 for other in others for name, found in other.items() if name in JUDGES]
    return max(tolerance, (sum(squares) / len(squares)) ** 0.5) if squares else tolerance
