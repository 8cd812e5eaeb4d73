"""Membership inference: can an attacker tell the forget set from never-seen pictures by their losses?

The paper's attack: a logistic regression on the per-sample loss, members = forget, non-members = unseen,
cross-validated (Choi & Na, AAAI 2025; Shokri et al., S&P 2017; Yeom et al., CSF 2018). Its accuracy is balanced
here, ½·(true positive rate + true negative rate), so that a constant guesser scores exactly 0.5 whatever the sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.errors import DataError

TIE = 1e-6  # log-odds that are rounding, not evidence


@dataclass(frozen=True)
class Attack:
    """What the attacker reached.

    Attributes:
        accuracy: balanced, on held-out folds, in [0, 1].
        auc: area under the ROC curve of "small loss means member"; 0.5 is chance.
        low, high: bootstrap 95 % interval of `accuracy`.
    """

    accuracy: float
    auc: float
    low: float
    high: float


def loss_attack(
    members: np.ndarray,
    non_members: np.ndarray,
    *,
    member_groups: np.ndarray | None = None,
    non_member_groups: np.ndarray | None = None,
    folds: int = 5,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Attack:
    """Attack with per-sample losses [M] of members and [K] of non-members.

    The order of the samples does not matter. With groups (the person of each sample), a person is never on both
    sides of a fold, and the bootstrap draws whole persons: pictures of one person are not independent.

    Raises:
        DataError: fewer samples or groups on one side than folds, or a loss that is infinite or NaN.
    """
    members, member_groups = _sorted(members, member_groups)
    non_members, non_member_groups = _sorted(non_members, non_member_groups)
    rng = np.random.default_rng(seed)
    hit = _held_out_hits(members, non_members, member_groups, non_member_groups, folds, rng)
    tpr, tnr = hit[: len(members)], hit[len(members) :]
    low, high = _interval(tpr, tnr, member_groups, non_member_groups, bootstrap, rng)
    return Attack((tpr.mean() + tnr.mean()) / 2, auc(members, non_members), low, high)


def auc(members: np.ndarray, non_members: np.ndarray) -> float:
    """Probability that a member's loss is smaller than a non-member's, ties counted half (Mann-Whitney U)."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([members, non_members]))[len(members) :]
    k, m = len(non_members), len(members)
    return float((ranks.sum() - k * (k + 1) / 2) / (m * k))


def _sorted(losses: np.ndarray, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Losses in an order that does not depend on the order they came in, with group numbers 0, 1, …"""
    losses = np.asarray(losses, dtype=np.float64)
    if not np.isfinite(losses).all():
        raise DataError("a per-sample loss is infinite or NaN: the model is broken, see its history.csv")
    codes = np.arange(len(losses)) if groups is None else np.unique(groups, return_inverse=True)[1]
    order = np.lexsort((losses, codes)) if groups is not None else np.argsort(losses, kind="stable")
    return losses[order], codes[order] if groups is not None else codes


def _held_out_hits(
    members: np.ndarray,
    non_members: np.ndarray,
    member_groups: np.ndarray,
    non_member_groups: np.ndarray,
    folds: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Whether the attacker is right about each sample, trained on the other folds: float [M + K] of 0 and 1."""
    losses = np.concatenate([members, non_members])
    truth = np.r_[np.ones(len(members)), np.zeros(len(non_members))]
    fold = np.r_[_folds(member_groups, folds, rng), _folds(non_member_groups, folds, rng)]
    guess = np.empty(len(losses))
    for held_out in range(folds):
        attacker = _attacker().fit(losses[fold != held_out, None], truth[fold != held_out])
        evidence = attacker.decision_function(losses[fold == held_out, None])
        guess[fold == held_out] = evidence > TIE  # no evidence is the same guess in every fold
    return (guess == truth).astype(float)


def _attacker():  # type: ignore[no-untyped-def]  # scikit-learn has no types
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))


def _folds(groups: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    count = int(groups.max()) + 1 if len(groups) else 0
    if count < folds:
        raise DataError(
            f"a membership attack with {folds} folds needs at least {folds} persons on each side, got {count}: "
            "lower evaluate.attack_folds or enlarge the forget or held-out set"
        )
    return (rng.permutation(count) % folds)[groups]


def _interval(
    tpr: np.ndarray,
    tnr: np.ndarray,
    member_groups: np.ndarray,
    non_member_groups: np.ndarray,
    bootstrap: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    drawn = [
        (_resampled_means(tpr, member_groups, rng) + _resampled_means(tnr, non_member_groups, rng)) / 2
        for _ in range(bootstrap)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn else (np.nan, np.nan)
    return float(low), float(high)


def _resampled_means(hit: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> float:
    """Mean of `hit` over groups drawn with replacement."""
    count = int(groups.max()) + 1
    times = np.bincount(rng.integers(count, size=count), minlength=count)[groups]
    return float((hit * times).sum() / times.sum())
