from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation import verdict
from pipeline.evaluation.membership import Attack, attack, interval


def told(auc: float, spread: float = 0.01, seed: int = 0) -> Attack:
    draws = np.random.default_rng(seed).normal(auc, spread, 400)
    return Attack(0.5, auc, 0.0, 0.0, 0.4, 0.6, *interval(draws), 0.0, 0.0, 0.0, 0.0, draws)


@pytest.mark.parametrize(
    ("calibrated", "lira", "word", "strongest"),
    [
        (0.51, 0.5, "forgotten", "calibrated"),
        (0.6, 0.52, "remembers", "calibrated"),
        (0.51, 0.7, "remembers", "lira"),
        (0.4, 0.5, "over-forgotten", "calibrated"),
        (0.4, 0.7, "remembers", "lira"),
    ],
)
def test_the_word_follows_from_the_intervals(calibrated: float, lira: float, word: str, strongest: str) -> None:
    attacks = {"calibrated": told(calibrated, seed=3), "lira": told(lira, seed=4), "loss": told(0.9)}
    said = verdict.judge(attacks, floor=0.03)
    assert (said.word, said.strongest) == (word, strongest)


def test_what_lies_within_its_interval_or_the_floor_is_none() -> None:
    assert verdict.judge({"calibrated": told(0.6, spread=0.1)}, floor=0.03).word == "forgotten"
    sure = {"calibrated": told(0.58)}
    assert verdict.judge(sure, floor=0.03).word == "remembers"
    assert verdict.judge(sure, floor=0.1).word == "forgotten"


def test_persons_can_decide_and_few_of_them_cannot() -> None:
    plain = {"calibrated": told(0.5)}
    assert verdict.judge(plain, 0.03, p_high=1e-5).word == "remembers"
    assert verdict.judge(plain, 0.03, p_low=1e-5).word == "over-forgotten"
    assert verdict.judge(plain, 0.03, p_high=0.01, p_low=0.01).word == "forgotten"
    assert verdict.judge({"calibrated": told(0.9)}, 0.03, persons=19).word == "too few persons"


def test_more_attacks_need_more_evidence() -> None:
    one = verdict.judge({"calibrated": told(0.6, seed=5)}, 0.0)
    two = verdict.judge({"calibrated": told(0.6, seed=5), "lira": told(0.55)}, 0.0)
    assert two.low < one.low < one.high < two.high


def test_the_same_persons_are_drawn_for_two_attacks() -> None:
    rng = np.random.default_rng(0)
    members, others = rng.normal(0, 1, 300), rng.normal(0, 1, 300)
    person = np.repeat(np.arange(100), 3)
    groups = {"member_groups": person, "non_member_groups": person}
    one, two = attack(members, others, **groups), attack(members * 2 + 1, others * 2 + 1, **groups)
    assert (one.draws == two.draws).all()


def test_the_floor_is_the_spread_of_further_oracles() -> None:
    others = [{"calibrated": told(0.54), "loss": told(0.9)}, {"calibrated": told(0.47), "loss": told(0.1)}]
    assert verdict.noise_floor(0.01, others) == pytest.approx(((0.04**2 + 0.03**2) / 2) ** 0.5)
    assert verdict.noise_floor(0.1, others) == 0.1
    assert verdict.noise_floor(0.03, []) == 0.03
