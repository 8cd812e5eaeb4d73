from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation import verdict
from pipeline.evaluation.membership import Attack, attack, interval


def told(auc: float, spread: float = 0.01, seed: int = 0) -> Attack:
    draws = np.random.default_rng(seed).normal(auc, spread, 400)
    return Attack(0.5, auc, 0.0, 0.0, 0.4, 0.6, *interval(draws), draws)


ORACLE = {"loss": told(0.5, seed=1), "rmia": told(0.5, seed=2)}


@pytest.mark.parametrize(
    ("loss", "rmia", "word", "strongest"),
    [
        (0.51, 0.5, "forgotten", "loss"),
        (0.6, 0.52, "remembers", "loss"),
        (0.55, 0.7, "remembers", "rmia"),
        (0.4, 0.5, "over-forgotten", "loss"),
        (0.4, 0.7, "over-forgotten", "loss"),
        (0.5, 0.4, "forgotten", "loss"),
    ],
)
def test_the_word_follows_from_the_distance_to_the_oracle(loss: float, rmia: float, word: str, strongest: str) -> None:
    said = verdict.judge({"loss": told(loss, seed=3), "rmia": told(rmia, seed=4)}, ORACLE, floor=0.03)
    assert (said.word, said.strongest) == (word, strongest)


def test_a_difference_within_its_interval_or_the_floor_is_none() -> None:
    unsure = {"loss": told(0.6, spread=0.2, seed=3), "rmia": told(0.5)}
    assert verdict.judge(unsure, ORACLE, floor=0.03).word == "forgotten"
    sure = {"loss": told(0.56, seed=3), "rmia": told(0.5)}
    assert verdict.judge(sure, ORACLE, floor=0.03).word == "remembers"
    assert verdict.judge(sure, ORACLE, floor=0.07).word == "forgotten"


def test_more_attacks_need_more_evidence() -> None:
    one = verdict.difference(told(0.6, seed=5), ORACLE["loss"])
    many = verdict.difference(told(0.6, seed=5), ORACLE["loss"], comparisons=6)
    assert many.low < one.low < one.value < one.high < many.high


def test_the_same_persons_are_drawn_for_both() -> None:
    rng = np.random.default_rng(0)
    members, others = rng.normal(0, 1, 300), rng.normal(0, 1, 300)
    person = np.repeat(np.arange(100), 3)
    groups = {"member_groups": person, "non_member_groups": person}
    one = attack(members, others, **groups)
    two = attack(members * 2 + 1, others * 2 + 1, **groups)  # the same order of scores
    assert verdict.difference(one, two) == verdict.Difference(0, 0, 0)


def test_the_floor_is_the_greatest_difference_between_oracles() -> None:
    others = [{"loss": told(0.52), "rmia": told(0.5)}, {"loss": told(0.49), "rmia": told(0.56)}]
    assert verdict.noise_floor(0.01, ORACLE, others) == pytest.approx(0.06)
    assert verdict.noise_floor(0.1, ORACLE, others) == 0.1
    assert verdict.noise_floor(0.03, ORACLE, []) == 0.03
