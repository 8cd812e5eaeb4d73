"""Has it forgotten? Each attack is compared with the same attack on the retrained oracle, persons drawn alike.

A model *remembers* where an attack tells forgotten from never-seen persons better than it does on the oracle: the
difference of the AUCs is above the floor and its interval above 0. It has *over-forgotten* where the loss attack
does so in the other direction: losses on forget far above those of unseen are themselves a giveaway (the paper's
Figure 6). The intervals are widened for the number of attacks (Bonferroni). The floor is what is called no difference:
`audit.tolerance`, or the greatest difference between two oracles where that is more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.evaluation.membership import LEVEL, Attack, interval

FORGOTTEN, REMEMBERS, OVER_FORGOTTEN = "forgotten", "remembers", "over-forgotten"


@dataclass(frozen=True)
class Difference:
    """Of an attack's AUC on the model and on the oracle, with its interval."""

    value: float
    low: float
    high: float

    def above(self, floor: float) -> bool:
        return self.value > floor and self.low > 0

    def below(self, floor: float) -> bool:
        return self.value < -floor and self.high < 0


@dataclass(frozen=True)
class Verdict:
    """What the attacks say together.

    Attributes:
        word: FORGOTTEN, REMEMBERS or OVER_FORGOTTEN.
        strongest: the attack that decides: the one farthest above the oracle, or the loss attack of a model that has
            over-forgotten.
        differences: attack -> its distance to the oracle.
    """

    word: str
    strongest: str
    differences: dict[str, Difference]


def judge(attacks: Mapping[str, Attack], oracle: Mapping[str, Attack], floor: float) -> Verdict:
    """Compare attacks on a model with those on the oracle.

    Args:
        attacks, oracle: name -> attack, with the same names, seed and persons; `loss` is among them.
        floor: AUC difference that is none, ≥ 0.
    """
    differences = {name: difference(attacks[name], oracle[name], len(attacks)) for name in attacks}
    farthest = max(differences, key=lambda name: differences[name].value)
    if differences["loss"].below(floor):
        return Verdict(OVER_FORGOTTEN, "loss", differences)
    remembering = [name for name in differences if differences[name].above(floor)]
    if remembering:
        return Verdict(REMEMBERS, max(remembering, key=lambda name: differences[name].value), differences)
    return Verdict(FORGOTTEN, farthest, differences)


def difference(attack: Attack, oracle: Attack, comparisons: int = 1) -> Difference:
    """Of two attacks with the same draws; the interval is for one of so many comparisons."""
    level = 1 - (1 - LEVEL) / comparisons
    return Difference(attack.auc - oracle.auc, *interval(attack.draws - oracle.draws, level))


def noise_floor(tolerance: float, oracle: Mapping[str, Attack], others: Sequence[Mapping[str, Attack]]) -> float:
    """The tolerance, or the greatest difference of any attack between the oracle and another oracle."""
    between = [abs(other[name].auc - oracle[name].auc) for other in others for name in oracle]
    return max([tolerance, *between])
