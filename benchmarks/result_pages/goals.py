"""What DLFD is to reach on a data set, and whether its cells do: on every seed, by the mean over seeds, or not.

No rival is a method that left the original as it was, nor one that the gate refuses on every seed: NoMUS gives both
half its points for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline import layout
from pipeline.evaluation.verdict import FORGOTTEN
from pipeline.reference_tables import cost
from pipeline.reference_tables.cells import ATTACKS, GATE, PASSES, VERDICT
from pipeline.reference_tables.markdown import spread
from pipeline.reference_tables.published import REFERENCE
from pipeline.settings import AuditSettings

OURS = "dlfd"
MOST_DROP, MOST_COST = 1.5, 0.1  # points; of retraining
SAME = ("test_accuracy", "retain_accuracy", "forget_accuracy", "nomus")  # of a model that was left as it was
PARTLY = "RMIA"  # of ATTACKS, the one that is calibrated by the oracle in part
HARDLY = 1e-3  # a picture or two: SSD may dampen a weight or two
PAPERS = "NoMUS above the paper's best"
YES, ON_AVERAGE, NO = "yes", "on average", "no"  # on every seed; over the seeds and not on each; neither
EMPTY = "says nothing"  # a goal that a model reaches which forgot nobody
ALONE = "no rival"  # a goal beside others, of which none is left


@dataclass(frozen=True)
class Goal:
    """One line of the table.

    Attributes:
        aim: what is wanted, in the same words on every data set.
        figure: what was measured, in words that stand alone.
        met: YES, ON_AVERAGE, NO, EMPTY or ALONE.
    """

    aim: str
    figure: str
    met: str


def goals(table: pd.DataFrame, task: str, paper: bool) -> list[Goal]:
    """Those that can be judged on these cells; none without DLFD or other methods (the parts of DLFD are none).

    Args:
        table: a row a model and seed, with `label` and `drop` (`benchmarks.kept_tables.cells`).
        paper: whether the paper's NoMUS is asked for, which is of real faces.
    """
    ours, rivals = sides(table)
    if ours.empty or table["model"].isin([*layout.TRAINED, OURS]).all():
        return []
    drop, dearer = ours["drop"], cost.dearer(ours)
    small = _met(drop <= MOST_DROP, drop.mean() <= MOST_DROP)
    cheap = _met(dearer <= MOST_COST, dearer.median() <= MOST_COST)
    return [
        _above_rivals(ours, rivals),
        *(_above_the_paper(ours["nomus"], table, task) if paper else []),
        Goal(f"accuracy at most {MOST_DROP} points below the original's", _fall(drop), small),
        Goal("forgotten on every seed", _forgotten(ours), _met(ours[VERDICT] == FORGOTTEN)),
        *_near_the_oracle(ours, table),
        Goal(
            f"at most {MOST_COST:.0%} of the cost of retraining".replace("%", " %"),
            f"{cost.median_told(ours)} of the cost of retraining (median)",
            cheap,
        ),
    ]


def sides(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of DLFD and those of its rivals."""
    return table[table["label"] == OURS], table[~table["model"].isin([*layout.TRAINED, OURS, *left_out(table)])]


def lead(ours: pd.DataFrame, rivals: pd.DataFrame, column: str, *, higher: bool = True) -> tuple[str, pd.Series]:
    """The rival with the best mean, and how far ahead of it DLFD is.

    Args:
        higher: is better.

    Returns:
        Its name; a difference for each seed, since both methods began at the same original.
    """
    sign = 1 if higher else -1
    best = str((sign * rivals.groupby("label")[column].mean()).idxmax())
    theirs = rivals[rivals["label"] == best].set_index("seed")[column]
    return best, sign * (ours.set_index("seed")[column] - theirs)


def left_out(table: pd.DataFrame) -> dict[str, str]:
    """Methods that are no rivals -> why."""
    original = table[table["model"] == "original"].groupby("seed")[list(SAME)].first()
    reasons = {}
    for name, rows in table[~table["model"].isin([*layout.TRAINED, OURS])].groupby("model", sort=False):
        before = original.reindex(rows["seed"]).to_numpy()
        if (abs(rows[list(SAME)].to_numpy() - before) < HARDLY).all():
            reasons[str(name)] = "the original unchanged"
        elif GATE in rows and (rows[GATE].notna() & (rows[GATE] != PASSES)).all():
            reasons[str(name)] = "refused by the gate on every seed"
    return reasons


def lines(found: list[Goal]) -> list[str]:
    """The goals as a table of Markdown."""
    told = ["| goal for DLFD | measured | met |", "|---|---|---|"] if found else []
    return told + [f"| {goal.aim} | {goal.figure} | {goal.met} |" for goal in found]


def matrix(tables: dict[str, list[Goal]]) -> list[str]:
    """Goals down, data sets across, as a table of Markdown; – where a goal is not asked for.

    Args:
        tables: name -> its goals.
    """
    met = {name: {goal.aim: goal.met for goal in found} for name, found in tables.items()}
    whole = max(tables.values(), key=len, default=[])  # every list has their order
    aims = dict.fromkeys(goal.aim for found in (whole, *tables.values()) for goal in found)
    rows = [f"| {aim} | {' | '.join(answers.get(aim, '–') for answers in met.values())} |" for aim in aims]
    return [f"| goal for DLFD | {' | '.join(tables)} |", "|---" * (1 + len(tables)) + "|", *rows]


def sentence(found: list[Goal]) -> str:
    """The same in one line."""
    return f"DLFD: {'; '.join(goal.figure for goal in found)}." if found else ""


def _above_rivals(ours: pd.DataFrame, rivals: pd.DataFrame) -> Goal:
    aim, own = "NoMUS above every baseline's", f"NoMUS {spread(ours['nomus'].mean(), ours['nomus'].std())}"
    if rivals.empty:
        return Goal(aim, f"{own}, without a rival: all are left out", ALONE)
    best, by_seed = lead(ours, rivals, "nomus")
    theirs, ahead = rivals[rivals["label"] == best], by_seed.mean() > 0
    by = spread(abs(by_seed.mean()), by_seed.std())
    return Goal(
        aim,
        f"{own}, {by} {'above' if ahead else 'below'} {best}, the best baseline (itself {_forgotten(theirs)})",
        _met(ours.set_index("seed")["nomus"] - rivals.groupby("seed")["nomus"].max() > 0, ahead),
    )


def _above_the_paper(nomus: pd.Series, table: pd.DataFrame, task: str) -> list[Goal]:
    """The best that the paper prints of any method; of other pictures and epochs, so the original is told as well."""
    printed = {n: row[2] for n, row in REFERENCE.get(task, {}).items() if n not in layout.TRAINED}
    if not printed:
        return []
    best = max(printed.values())
    ahead, printed_best = nomus.mean() - best, spread(best, float("nan"))
    figure = f"{spread(abs(ahead), float('nan'))} {'above' if ahead > 0 else 'below'} the paper's {printed_best}"
    empty = table[table["model"] == "original"]["nomus"].mean() > best
    figure += ", as the original that forgot nobody is" if empty else ""
    met = EMPTY if empty else _met(nomus > best, ahead > 0)
    return [Goal(PAPERS, figure, met)]


def _near_the_oracle(ours: pd.DataFrame, table: pd.DataFrame) -> list[Goal]:
    """Of every attack that is known of both, by point: stricter than the verdict, which is one attack's interval."""
    models = {OURS: ours, layout.TRAINED[1]: table[table["model"] == layout.TRAINED[1]]}
    own, oracle = (rows.set_index("seed").reindex(columns=[*ATTACKS.values()]) for rows in models.values())
    off = (own - oracle).abs().set_axis([*ATTACKS], axis=1).reindex(own.index)
    off = off.assign(**{PARTLY: _from_between(own[ATTACKS[PARTLY]], oracle[ATTACKS[PARTLY]])}).dropna(axis=1)
    if off.empty:
        return []
    most = AuditSettings().tolerance
    near, farthest = off.max(axis=1) <= most, str(off.max().idxmax())
    told = spread(float(off.to_numpy().max()), float("nan"))
    within = f"within {spread(most, float('nan'))} of the oracle's"
    figure = f"AUC of each attack ({', '.join(map(str, off))}) {within} on {near.sum()} of {len(off)} seeds"
    aim = f"AUC of each attack {within} on every seed"
    return [Goal(aim, f"{figure} (the farthest: {farthest}, {told})", _met(near))]


def _from_between(auc: pd.Series, oracle: pd.Series) -> pd.Series:
    """How far an AUC lies from what is between the oracle's and .5; 0 there, NaN where the oracle has none.

    RMIA sets a picture's probability beside the oracle's in part. The oracle's own ratio then has the order of its
    probabilities, so its AUC is the plain one; of another model without memory it lies between that and .5.
    """
    oracle = oracle.reindex(auc.index)
    return (auc - auc.clip(oracle.clip(upper=0.5), oracle.clip(lower=0.5))).abs().where(oracle.notna())


def _met(seeds: pd.Series, average: bool = False) -> str:
    """The answer in a word.

    Args:
        seeds: whether each seed reaches the goal.
        average: whether they do over all; False where a goal is one of every seed.
    """
    return YES if seeds.all() else ON_AVERAGE if average else NO


def _forgotten(rows: pd.DataFrame) -> str:
    return f"forgotten on {(rows[VERDICT] == FORGOTTEN).sum()} of {len(rows)} seeds"


def _fall(drop: pd.Series) -> str:
    points = spread(abs(drop.mean()), drop.std(), 1)
    return f"accuracy {points} points {'below' if drop.mean() >= 0 else 'above'} the original's"
