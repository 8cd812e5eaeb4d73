"""Membership inference: can an attacker tell the forget set from never-seen pictures by a score of each?

An attack is a score (`pipeline.evaluation.signals`), greater for what looks more like training data, and what an
attacker reaches with it:
- accuracy: a logistic regression on the score, cross-validated (Choi & Na, AAAI 2025; Shokri et al., S&P 2017; Yeom et
  al., CSF 2018). It is balanced, ½·(true positive rate + true negative rate), so that a constant guesser scores
  exactly 0.5 whatever the sizes.
- AUC, and the true positive rate at 1 % and 0.1 % false positives (Carlini et al., S&P 2022), where few are named, but
  surely.
Every interval is a 95 % bootstrap over persons: pictures of one person are not independent. Two attacks with the same
seed on the same persons have the same draws, so that their difference has an interval as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipeline.errors import DataError

TIE = 1e-6  # log-odds that are rounding, not evidence
LEVEL = 0.95


@dataclass(frozen=True)
class Attack:
    """What the attacker reached.

    Attributes:
        accuracy: balanced, on held-out folds, in [0, 1]; `low`, `high` is its interval. NaN, all three, where a side
            has fewer persons than there are folds: nobody is left to learn the attack from.
        auc: area under the ROC curve of "a great score means member"; 0.5 is chance. `auc_low`, `auc_high`.
        tpr_1, tpr_01: share of members named at no more than 1 % and 0.1 % false positives. With fewer than 1,000
            non-members the latter means none. `tpr_1_low` … `tpr_01_high`.
        draws: [B] the AUC in every bootstrap draw.
    """

    accuracy: float
    auc: float
    tpr_1: float
    tpr_01: float
    low: float
    high: float
    auc_low: float
    auc_high: float
    tpr_1_low: float
    tpr_1_high: float
    tpr_01_low: float
    tpr_01_high: float
    draws: np.ndarray = field(repr=False, compare=False)


def attack(
    members: np.ndarray,
    non_members: np.ndarray,
    *,
    member_groups: np.ndarray | None = None,
    non_member_groups: np.ndarray | None = None,
    folds: int = 5,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Attack:
    """Attack with scores [M] of members and [K] of non-members.

    The order of the samples does not matter. With groups (the person of each sample), a person is never on both
    sides of a fold, and the bootstrap draws whole persons.

    Raises:
        DataError: no sample on one side, or a score that is infinite or NaN.
    """
    if not len(members) or not len(non_members):
        raise DataError("a membership attack needs members and non-members: see `split:` in params.yaml")
    members, member_groups = _sorted(members, member_groups)
    non_members, non_member_groups = _sorted(non_members, non_member_groups)
    hit = _held_out_hits(members, non_members, member_groups, non_member_groups, folds, np.random.default_rng(seed))
    draws = np.random.default_rng([seed, 1])
    times = _resamples(member_groups, bootstrap, draws), _resamples(non_member_groups, bootstrap, draws)
    true_positive, true_negative = hit[: len(members)], hit[len(members) :]
    accuracies = (_means(true_positive, times[0]) + _means(true_negative, times[1])) / 2
    curve = _Curve(members, non_members)
    drawn, once = curve.drawn(*times), curve.drawn(np.ones((1, len(members))), np.ones((1, len(non_members))))
    aucs = drawn.auc()
    return Attack(
        (true_positive.mean() + true_negative.mean()) / 2,
        auc(members, non_members),
        float(once.tpr(0.01)[0]),
        float(once.tpr(0.001)[0]),
        *interval(accuracies),
        *interval(aucs),
        *interval(drawn.tpr(0.01)),
        *interval(drawn.tpr(0.001)),
        aucs,
    )


def loss_attack(members: np.ndarray, non_members: np.ndarray, **options: object) -> Attack:
    """The paper's attack: the score is minus the per-sample loss. Options as for `attack`."""
    return attack(-np.asarray(members), -np.asarray(non_members), **options)  # type: ignore[arg-type]


def auc(members: np.ndarray, non_members: np.ndarray) -> float:
    """Probability that a member's score is greater than a non-member's, ties counted half (Mann-Whitney U)."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([members, non_members]))[: len(members)]
    m, k = len(members), len(non_members)
    return float((ranks.sum() - m * (m + 1) / 2) / (m * k))


def interval(draws: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval of bootstrap draws; NaN where there are none, or they are NaN."""
    if not len(draws) or np.isnan(draws).any():
        return float("nan"), float("nan")
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class _Counts:
    """How many members and non-members [B, V] have each distinct score, the greatest first, in every draw."""

    members: np.ndarray
    non_members: np.ndarray

    def auc(self) -> np.ndarray:
        """[B]."""
        below = self.non_members.sum(1, keepdims=True) - self.non_members.cumsum(1)  # with a smaller score
        won = (self.members * (below + self.non_members / 2)).sum(1)
        return np.asarray(won / (self.members.sum(1) * self.non_members.sum(1)))

    def tpr(self, fpr: float) -> np.ndarray:
        """[B] greatest share of members above a threshold that at most a share `fpr` of the non-members passes."""
        allowed = self.non_members.cumsum(1) <= fpr * self.non_members.sum(1, keepdims=True)
        return np.asarray((self.members * allowed).sum(1) / self.members.sum(1))


class _Curve:
    """The ROC curve of scores, also for samples that count several times."""

    def __init__(self, members: np.ndarray, non_members: np.ndarray) -> None:
        self.values, place = np.unique(-np.concatenate([members, non_members]), return_inverse=True)
        self.places = place[: len(members)], place[len(members) :]

    def drawn(self, member_times: np.ndarray, non_member_times: np.ndarray) -> _Counts:
        """The curve with each sample counted as [B, M] and [B, K] say."""
        return _Counts(self._at_values(member_times, self.places[0]), self._at_values(non_member_times, self.places[1]))

    def _at_values(self, times: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Counts [B, V] of samples with each distinct score, the greatest first."""
        order = np.argsort(places, kind="stable")
        present, starts = np.unique(places[order], return_index=True)
        counts = np.zeros((len(times), len(self.values)), np.float32)
        if len(times):
            counts[:, present] = np.add.reduceat(times[:, order], starts, axis=1)
        return counts


def _sorted(scores: np.ndarray, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Scores in an order that does not depend on the order they came in, with group numbers 0, 1, …"""
    scores = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(scores).all():
        raise DataError("a per-sample loss or score is infinite or NaN: the model is broken, see its history.csv")
    codes = np.arange(len(scores)) if groups is None else np.unique(groups, return_inverse=True)[1]
    order = np.lexsort((scores, codes)) if groups is not None else np.argsort(scores, kind="stable")
    return scores[order], codes[order] if groups is not None else codes


def _held_out_hits(
    members: np.ndarray,
    non_members: np.ndarray,
    member_groups: np.ndarray,
    non_member_groups: np.ndarray,
    folds: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Whether the attacker is right about each sample, trained on the other folds: float [M + K] of 0 and 1.

    All NaN where a side has fewer persons than folds.
    """
    if min(member_groups.max(), non_member_groups.max()) + 1 < folds:
        return np.full(len(members) + len(non_members), np.nan)
    scores = np.concatenate([members, non_members])
    truth = np.r_[np.ones(len(members)), np.zeros(len(non_members))]
    fold = np.r_[_folds(member_groups, folds, rng), _folds(non_member_groups, folds, rng)]
    guess = np.empty(len(scores))
    for held_out in range(folds):
        attacker = _attacker().fit(scores[fold != held_out, None], truth[fold != held_out])
        evidence = attacker.decision_function(scores[fold == held_out, None])
        guess[fold == held_out] = evidence > TIE  # no evidence is the same guess in every fold
    return (guess == truth).astype(float)


def _attacker():  # type: ignore[no-untyped-def]  # scikit-learn has no types
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))


def _folds(groups: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    return (rng.permutation(int(groups.max()) + 1) % folds)[groups]


def _resamples(groups: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """How often each sample counts in every draw of groups with replacement: float32 [B, M]."""
    count = int(groups.max()) + 1
    times = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float32)
    return np.asarray(times[:, groups])


def _means(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean [B] of the values in every draw."""
    return np.asarray((times @ values) / times.sum(1))
