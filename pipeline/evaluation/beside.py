"""Persons whom a model should not know beside persons whom it never saw: calibrated scores, ranks and a verdict.

Scores are calibrated by the oracle (`pipeline.evaluation.likelihood`), persons are scored as in
`pipeline.evaluation.persons`. The never-seen pictures have the label mix of the others (`label_mix`): who unlearns a
person of one class moves all of that class. Where such pictures are of fewer than FEWEST persons all are taken, since
above all of a few is soon somebody by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.evaluation import label_mix, likelihood, persons, verdict
from pipeline.evaluation.membership import Attack, attack
from pipeline.evaluation.persons import Ranking
from pipeline.evaluation.samples import Results
from pipeline.evaluation.verdict import Verdict
from pipeline.settings import AuditSettings, EvaluateSettings


@dataclass(frozen=True)
class Beside:
    """What was found.

    Attributes:
        attack: the calibrated one.
        verdict: from it and the ranks.
        high: the persons among the never-seen ones, the most remembered first.
        low: the same from the other end, the most over-forgotten first.
    """

    attack: Attack
    verdict: Verdict
    high: Ranking
    low: Ranking


def compare(
    subset: str,
    never_seen: tuple[str, ...],
    results: Results,
    oracle: Results,
    settings: AuditSettings,
    attacking: EvaluateSettings,
    seed: int,
) -> Beside:
    """Judge a subset's persons; nothing but it and `never_seen` is read.

    Args:
        results: of the model.
        oracle: of the retrained model, on the same pictures in the same order.
        seed: of the bootstrap and of the draw that matches labels.
    """
    both = [one.of(subset, *never_seen) for one in (results, oracle)]
    table = both[0].table
    member = table["subset"].eq(subset).to_numpy()
    kept = member | label_mix.matched(table, member, seed)
    margins, out = (one.table["margin"].to_numpy()[kept] for one in both)
    unit, labels, member = table["unit"].to_numpy()[kept], table["label"].to_numpy()[kept], member[kept]
    score = likelihood.calibrated(margins, out, ~member, labels)
    own, others = score[member], score[~member]
    whose, of_others = unit[member], unit[~member]
    high, low = persons.rank(own, whose, others, of_others), persons.rank(-own, whose, -others, of_others)
    found = attack(
        own,
        others,
        member_groups=whose,
        non_member_groups=of_others,
        folds=attacking.attack_folds,
        bootstrap=attacking.bootstrap,
        seed=seed,
    )
    said = verdict.judge(
        {"calibrated": found},
        settings.tolerance,
        p_high=high.p_high,
        p_low=high.p_low,
        persons=min(len(set(whose)), len(set(of_others))),
    )
    return Beside(found, said, high, low)
