from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from pipeline.evaluation import likelihood
from pipeline.evaluation.membership import auc
from pipeline.evaluation.signals import SIGNALS, less_label_mean, per_label, signals

RNG = np.random.default_rng(0)
LOGITS, LABELS = RNG.normal(0, 2, (40, 5)), RNG.integers(5, size=40)


def test_each_signal_is_its_equation_written_out() -> None:
    p = softmax(LOGITS, axis=1)
    found = signals(LOGITS, LABELS)
    assert found.keys() == SIGNALS.keys()
    for row, label in enumerate(LABELS):
        own = p[row, label]
        assert found["loss"][row] == pytest.approx(np.log(own))
        assert found["confidence"][row] == pytest.approx(np.log(p[row].max()))
        assert found["entropy"][row] == pytest.approx((p[row] * np.log(p[row])).sum())
        wrong = [p[row, i] * np.log(1 - p[row, i]) for i in range(5) if i != label]
        assert found["m_entropy"][row] == pytest.approx((1 - own) * np.log(own) + sum(wrong))


def test_only_the_modified_entropy_tells_sure_and_right_from_sure_and_wrong() -> None:
    sure = np.array([[9.0, 0, 0], [9.0, 0, 0]])
    found = signals(sure, np.array([0, 1]))
    assert found["entropy"][0] == found["entropy"][1]
    assert found["m_entropy"][0] > found["m_entropy"][1]


def test_attributes_add_up() -> None:
    logits, labels = RNG.normal(0, 2, (30, 3)), RNG.integers(2, size=(30, 3))
    found = signals(logits, labels)
    own = np.where(labels == 1, expit(logits), 1 - expit(logits))
    np.testing.assert_allclose(found["loss"], np.log(own).sum(1))
    np.testing.assert_allclose(found["confidence"], np.log(np.maximum(own, 1 - own)).sum(1))


@pytest.mark.parametrize("size", [1e3, 1e30])
def test_huge_logits_give_finite_signals(size: float) -> None:
    for found in signals(LOGITS * size, LABELS).values():
        assert np.isfinite(found).all()


def test_a_threshold_for_each_label_is_not_fooled_by_their_mix() -> None:
    rng = np.random.default_rng(1)
    easy = np.array([0.0, 3.0])  # the model is surer of label 1, of which the forget set has more
    mine, theirs = (rng.random(600) < 0.8).astype(int), (rng.random(600) < 0.2).astype(int)
    members, others = easy[mine] + rng.normal(0, 1, 600), easy[theirs] + rng.normal(0, 1, 600)
    assert auc(members, others) > 0.8
    assert auc(*per_label(members, mine, others, theirs)) == pytest.approx(0.5, abs=0.04)
    assert auc(*per_label(members + 1, mine, others, theirs)) > 0.7, "what is remembered is still seen"


def test_per_label_scores_of_a_constant_are_all_the_same() -> None:
    labels = RNG.integers(5, size=30)
    members, others = per_label(np.full(30, 2.5), labels, np.full(30, 2.5), labels[::-1])
    assert set(members) | set(others) == {0.0}


def test_per_label_takes_attributes_and_labels_without_others() -> None:
    members, others = np.array([1.0, 2.0]), np.array([0.0, 4.0, 6.0])
    own, fresh = np.array([[0, 0], [1, 1]]), np.array([[0, 0], [0, 1], [0, 1]])
    a, b = per_label(members, own, others, fresh)
    np.testing.assert_allclose(a, [1 - 0, 2 - 10 / 3])
    np.testing.assert_allclose(b, [0, 4 - 5, 6 - 5])


def rmia_by_hand(losses, out_losses, out, z, z_out, a):  # type: ignore[no-untyped-def]
    """The definition, pair by pair."""

    def ratio(loss, others):  # type: ignore[no-untyped-def]
        return np.exp(-loss) / (((1 + a) * np.mean(np.exp(-others)) + (1 - a)) / 2)

    rows = []
    for x in range(len(losses)):
        own = ratio(losses[x], out_losses[out[:, x], x])
        pairs = [own / ratio(z[k], z_out[:, k]) for k in range(len(z))]
        rows.append(np.mean([1.0 if pair > 1 else 0.5 * (pair == 1) for pair in pairs]))
    return np.array(rows)


@pytest.mark.parametrize("a", [0.0, 0.3, 1.0])
def test_rmia_is_its_definition(a: float) -> None:
    losses, out_losses = RNG.exponential(1, 25), RNG.exponential(1, (3, 25))
    out = RNG.random((3, 25)) < 0.6
    out[0] = True
    z, z_out = RNG.exponential(1, 30), RNG.exponential(1, (3, 30))
    found = likelihood.rmia(losses, out_losses, out, z, z_out, a)
    np.testing.assert_allclose(found, rmia_by_hand(losses, out_losses, out, z, z_out, a))


def test_rmia_of_a_model_against_itself_knows_nothing() -> None:
    losses, z = RNG.exponential(1, 50), RNG.exponential(1, 60)
    found = likelihood.rmia(losses, losses[None], np.ones((1, 50), bool), z, z[None], 1.0)
    assert (found == 0.5).all()


def test_lira_is_the_log_likelihood_ratio_of_two_gaussians() -> None:
    from scipy.stats import norm

    margins = RNG.normal(0, 1, 20)
    others = RNG.normal(0, 1, (6, 20))
    out = np.zeros((6, 20), bool)
    out[:3] = True
    centre = {name: np.median(others[rows], axis=0) for name, rows in (("in", slice(3, 6)), ("out", slice(0, 3)))}
    squares = ((others[3:] - centre["in"]) ** 2).sum() + ((others[:3] - centre["out"]) ** 2).sum()
    spread = np.sqrt(squares / (2 * 20 * 2))
    wanted = norm.logpdf(margins, centre["in"], spread) - norm.logpdf(margins, centre["out"], spread)
    np.testing.assert_allclose(likelihood.lira(margins, others, out), wanted)


def test_lira_without_an_in_model_says_nothing() -> None:
    score = likelihood.lira(np.zeros(3), np.zeros((2, 3)), np.array([[True, True, False], [True, False, True]]))
    assert np.isnan(score).tolist() == [True, False, False]


def test_a_difference_of_difficulty_fools_the_loss_and_not_the_likelihood_ratios() -> None:
    ease = np.r_[RNG.normal(1, 2, 400), RNG.normal(0, 2, 400)]  # members are easier pictures, and no model saw any
    model, oracle, z = (np.logaddexp(0, -(e + RNG.normal(0, 0.3, len(e)))) for e in (ease, ease, RNG.normal(0, 2, 300)))
    score = likelihood.rmia(model, oracle[None], np.ones((1, 800), bool), z, z[None], 1.0)
    assert auc(-model[:400], -model[400:]) > 0.6
    assert auc(score[:400], score[400:]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("harder", [-1.0, 0.0, 1.0])
def test_calibration_takes_difficulty_and_silence_away(harder: float) -> None:
    rng = np.random.default_rng(3)
    ease = np.r_[rng.normal(0, 1, 500) - harder, rng.normal(0, 1, 500)]
    out = ease + rng.normal(0, 0.5, 1000)

    def reached(own: np.ndarray) -> float:
        score = likelihood.calibrated(own, out, np.arange(1000) >= 500, np.zeros(1000))
        return auc(score[:500], score[500:])

    assert reached(ease + rng.normal(0, 0.5, 1000)) == pytest.approx(0.5, abs=0.05)
    assert reached(np.full(1000, 0.7)) == 0.5
    assert reached(ease + rng.normal(0, 0.5, 1000) + np.r_[np.full(500, 3.0), np.zeros(500)]) > 0.9


def test_a_label_of_too_few_never_seen_pictures_takes_the_mean_of_all() -> None:
    scores, labels = np.r_[5.0, 5.0, 1.0, 1.0, 7.0], np.array([0, 1, 0, 0, 1])
    unseen = np.array([False, False, True, True, True])
    less = less_label_mean(scores, labels, unseen, least=2)
    np.testing.assert_allclose(less, [4, 2, 0, 0, 4])  # of label 1 there is one: 5 - 3, the mean of 1, 1 and 7
    np.testing.assert_allclose(less_label_mean(scores, labels, unseen), [4, -2, 0, 0, 0])


@pytest.mark.parametrize("rare", [0, 10])
def test_what_a_model_thinks_of_a_label_is_no_memory_of_its_pictures(rare: int) -> None:
    """Published forget sets have other labels than never-seen ones, and unlearning moves whole classes."""
    rng = np.random.default_rng(5)
    unseen = np.arange(4000) >= 2000
    labels = np.where(unseen, rng.random(4000) < 0.3, rng.random(4000) < 0.7).astype(int)
    ease = rng.normal(0, 1, 4000)
    own, out = ease + rng.normal(0, 0.5, 4000) - 1.5 * (labels == 1), ease + rng.normal(0, 0.5, 4000)
    labels[2000 : 2000 + rare] = 2  # of too few pictures for a mean of their own
    score = likelihood.calibrated(own, out, unseen, labels)
    assert auc(score[:2000], score[2000:]) == pytest.approx(0.5, abs=0.03)
    blind = likelihood.calibrated(own, out, unseen, np.zeros(4000))
    assert auc(blind[:2000], blind[2000:]) < 0.4
    assert np.isfinite(score).all()
    learned = likelihood.calibrated(own + 2.0 * ~unseen, out, unseen, labels)
    assert auc(learned[:2000], learned[2000:]) > 0.85


def test_the_interpolation_is_the_one_that_finds_most_with_a_reference_model() -> None:
    rng = np.random.default_rng(4)
    out = rng.random((4, 300)) < 0.5
    ease = rng.exponential(1, 300)
    losses = ease + rng.exponential(0.1, (4, 300)) - 0.8 * ease * ~out
    z = rng.exponential(1, 200)
    chosen = likelihood.best_interpolation(losses, out, z + rng.exponential(0.1, (4, 200)))
    assert chosen in likelihood.INTERPOLATION
    assert likelihood.best_interpolation(losses[:2], out[:2], np.ones((2, 5))) == likelihood.DEFAULT_INTERPOLATION
