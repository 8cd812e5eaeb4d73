from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pipeline.errors import DataError
from pipeline.evaluation.membership import _Curve, attack, auc, loss_attack


@given(members=st.integers(10, 200), others=st.integers(10, 200), value=st.floats(0, 5))
@settings(max_examples=25)
def test_constant_losses_score_exactly_one_half_whatever_the_sizes(members: int, others: int, value: float) -> None:
    found = loss_attack(np.full(members, value), np.full(others, value), bootstrap=50)
    assert found.accuracy == 0.5
    assert found.auc == 0.5
    assert (found.low, found.high, found.auc_low, found.auc_high) == (0.5, 0.5, 0.5, 0.5)


def test_the_order_of_the_samples_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    members, others = rng.exponential(1, 80), rng.exponential(2, 120)
    groups, other_groups = rng.integers(20, size=80), rng.integers(100, 130, size=120)
    p, q = rng.permutation(80), rng.permutation(120)
    plain = loss_attack(members, others, member_groups=groups, non_member_groups=other_groups)
    shuffled = loss_attack(members[p], others[q], member_groups=groups[p], non_member_groups=other_groups[q])
    assert plain == shuffled
    assert loss_attack(members, others) == loss_attack(members[p], others[q])


def test_a_memorised_set_is_found_and_a_fresh_one_is_not() -> None:
    rng = np.random.default_rng(1)
    fresh = [loss_attack(rng.exponential(1, 500), rng.exponential(1, 500)).accuracy for _ in range(5)]
    assert np.mean(fresh) == pytest.approx(0.5, abs=0.03)
    assert loss_attack(rng.exponential(0.01, 300), rng.exponential(1, 300)).accuracy > 0.85


def test_over_forgetting_is_seen_as_well_as_remembering() -> None:
    rng = np.random.default_rng(2)
    assert loss_attack(rng.normal(9, 1, 200), rng.normal(1, 1, 200)).accuracy > 0.95


def test_unequal_sizes_do_not_move_the_accuracy() -> None:
    rng = np.random.default_rng(3)
    members, others = rng.exponential(0.2, 2000), rng.exponential(1, 2000)
    even = loss_attack(members, others).accuracy
    assert loss_attack(members[:400], others).accuracy == pytest.approx(even, abs=0.04)


def test_auc_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    members, others = rng.integers(0, 9, 70).astype(float), rng.integers(2, 12, 50).astype(float)
    truth = np.r_[np.ones(70), np.zeros(50)]
    assert auc(members, others) == pytest.approx(roc_auc_score(truth, np.r_[members, others]))


def test_whole_persons_make_the_interval_wider() -> None:
    rng = np.random.default_rng(5)
    members = np.repeat(rng.exponential(0.5, 30), 10)  # a person's ten pictures have the same loss
    others = np.repeat(rng.exponential(1.0, 30), 10)
    person = np.repeat(np.arange(30), 10)
    by_person = loss_attack(members, others, member_groups=person, non_member_groups=person)
    by_picture = loss_attack(members, others)
    assert by_person.high - by_person.low > 1.8 * (by_picture.high - by_picture.low)
    assert by_person.low < by_person.accuracy < by_person.high


def test_a_person_is_never_in_training_and_test_of_the_attacker() -> None:
    # each person's losses are far from every other's, so an attacker that has seen the person would win
    members, others = np.repeat(np.arange(0, 40, 2.0), 5), np.repeat(np.arange(1, 41, 2.0), 5)
    person = np.repeat(np.arange(20), 5)
    assert loss_attack(members, others, member_groups=person, non_member_groups=person).accuracy < 0.62


@pytest.mark.parametrize("few", ["members", "others"])
def test_of_too_few_persons_to_learn_from_there_is_no_accuracy_but_an_area(few: str) -> None:
    sides = {"members": np.full(3, 0.1), "others": np.full(50, 1.0)}
    if few == "others":
        sides = {"members": np.full(50, 0.1), "others": np.full(3, 1.0)}
    found = loss_attack(sides["members"], sides["others"], folds=5, bootstrap=50)
    assert np.isnan([found.accuracy, found.low, found.high]).all()
    assert (found.auc, found.auc_low, found.auc_high) == (1, 1, 1)
    assert np.isfinite(loss_attack(sides["members"], sides["others"], folds=3, bootstrap=50).accuracy)


def test_an_empty_side_and_broken_losses_are_refused() -> None:
    with pytest.raises(DataError, match="needs members and non-members"):
        loss_attack(np.ones(0), np.ones(50))
    for broken in (np.nan, np.inf):
        with pytest.raises(DataError, match="infinite or NaN"):
            loss_attack(np.array([1.0, broken] * 5), np.ones(10))


def test_auc_intervals_cover_the_truth() -> None:
    covered = 0
    rng = np.random.default_rng(6)
    truth = 0.6384  # of two normals half a standard deviation apart: Φ(0.5 / √2)
    for trial in range(150):
        person = np.repeat(np.arange(60), 2)
        effect, other = rng.normal(0, 0.6, 60)[person], rng.normal(0, 0.6, 60)[person]
        members, others = 0.5 + effect + rng.normal(0, 0.8, 120), other + rng.normal(0, 0.8, 120)
        found = attack(
            members, others, member_groups=person, non_member_groups=person, folds=2, bootstrap=200, seed=trial
        )
        covered += found.auc_low <= truth <= found.auc_high
    assert 0.88 <= covered / 150 <= 0.99


def test_the_rate_at_few_false_positives_is_scikit_learns() -> None:
    from sklearn.metrics import roc_curve

    rng = np.random.default_rng(7)
    members, others = np.round(rng.normal(1, 1, 500), 1), np.round(rng.normal(0, 1, 2500), 1)  # with ties
    found = attack(members, others, bootstrap=0)
    fpr, tpr, _ = roc_curve(np.r_[np.ones(500), np.zeros(2500)], np.r_[members, others], drop_intermediate=False)
    assert found.tpr_1 == pytest.approx(tpr[fpr <= 0.01].max())
    assert found.tpr_01 == pytest.approx(tpr[fpr <= 0.001].max())


def _once(scores: np.ndarray) -> np.ndarray:
    return np.ones((1, len(scores)))


def test_the_rate_at_few_false_positives_is_within_its_interval() -> None:
    rng = np.random.default_rng(9)
    found = attack(rng.normal(1, 1, 400), rng.normal(0, 1, 400))
    assert 0 < found.tpr_1_low < found.tpr_1 < found.tpr_1_high < 1


def test_the_bootstrap_of_the_auc_is_that_of_drawn_samples() -> None:
    rng = np.random.default_rng(8)
    members, others = rng.integers(0, 5, 30).astype(float), rng.integers(0, 5, 20).astype(float)
    times = rng.integers(0, 3, (4, 30)), rng.integers(0, 3, (4, 20))
    drawn = _Curve(members, others).drawn(times[0].astype(np.float32), times[1].astype(np.float32))
    for row in range(4):
        repeated = np.repeat(members, times[0][row]), np.repeat(others, times[1][row])
        assert drawn.auc()[row] == pytest.approx(auc(*repeated), abs=1e-6)
        assert drawn.tpr(0.2)[row] == pytest.approx(_Curve(*repeated).drawn(*map(_once, repeated)).tpr(0.2)[0])
