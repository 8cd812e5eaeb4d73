from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation import likelihood, verdict
from pipeline.evaluation.membership import Attack, attack, auc, interval


def told(auc: float, spread: float = 0.01, seed: int = 0) -> Attack:
    draws = np.random.default_rng(seed).normal(auc, spread, 400)
    return Attack(0.5, auc, 0.0, 0.0, 0.4, 0.6, *interval(draws), 0.0, 0.0, 0.0, 0.0, draws)


@pytest.fixture
def two_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "JUDGES", ("calibrated", "second"))


@pytest.mark.parametrize(
    ("calibrated", "second", "word", "strongest"),
    [
        (0.51, 0.5, "forgotten", "calibrated"),
        (0.6, 0.52, "remembers", "calibrated"),
        (0.51, 0.7, "remembers", "second"),
        (0.4, 0.5, "over-forgotten", "calibrated"),
        (0.4, 0.7, "remembers", "second"),
    ],
)
def test_the_word_follows_from_the_intervals(
    two_judges: None, calibrated: float, second: float, word: str, strongest: str
) -> None:
    attacks = {"calibrated": told(calibrated, seed=3), "second": told(second, seed=4), "loss": told(0.9)}
    said = verdict.judge(attacks, floor=0.03)
    assert (said.word, said.strongest) == (word, strongest)


def test_attacks_whose_answer_for_a_perfect_model_is_not_known_have_no_say() -> None:
    others = {name: told(0.9) for name in ("loss", "confidence", "entropy", "m_entropy", "rmia", "lira")}
    assert verdict.judge({"calibrated": told(0.5), **others}, floor=0.03).word == "forgotten"


@pytest.mark.parametrize("harder", [0.0, 1.5])
def test_a_perfect_model_has_an_auc_of_half_by_calibration_and_not_by_lira(harder: float) -> None:
    """Forget pictures are harder than never-seen ones, and seeing a hard picture changes more."""
    rng = np.random.default_rng(0)
    forget = np.arange(4000) < 2000
    hardness = rng.normal(0, 1, 4000) + harder * forget
    noise = rng.normal(0, 0.7, (10, 4000))  # of the model, the oracle and eight reference models
    out = rng.permuted(np.tile(np.arange(8) < 4, (4000, 1)), axis=1).T  # each learned half of them
    references = noise[2:] - hardness + np.where(out, 0, 1 + np.exp(hardness / 2))
    scores = {
        "calibrated": likelihood.calibrated(noise[0] - hardness, noise[1] - hardness, ~forget, np.zeros(4000)),
        "lira": likelihood.lira(noise[0] - hardness, references, out),
    }
    found = {name: auc(score[forget], score[~forget]) for name, score in scores.items()}
    assert abs(found["calibrated"] - 0.5) < 0.03
    assert (abs(found["lira"] - 0.5) < 0.03) == (harder == 0)


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


def test_more_attacks_need_more_evidence(two_judges: None) -> None:
    one = verdict.judge({"calibrated": told(0.6, seed=5)}, 0.0)
    two = verdict.judge({"calibrated": told(0.6, seed=5), "second": told(0.55)}, 0.0)
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
