"""The table of all models: what each column shows, how it sorts, and what it means in plain words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.report.section import Section
from pipeline.report.stored import Stored

Row = dict[str, Any]
NONE = "–"


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        name: of the figure in `pipeline.comparison.compare`, by which the column is sorted.
        title: its head.
        about: its meaning, in plain words.
        cell: what is shown of a row; default: the figure with three places.
        below: what stands under it in small print, such as its interval.
    """

    name: str
    title: str
    about: str
    cell: Callable[[Row], str] | None = None
    below: Callable[[Row], str] = lambda row: ""

    def show(self, row: Row) -> str:
        return self.cell(row) if self.cell else places(row[self.name], 3)

    def order(self, row: Row) -> str:
        """What the page sorts by: a number, words, or nothing for no number, which is last either way."""
        value = row[self.name]
        return value if isinstance(value, str) else str(float(value)) if np.isfinite(value) else ""


def section(stored: Stored) -> Section:
    columns = [column for column in COLUMNS if column.name in stored.table]
    values: dict[str, Any] = {"columns": columns, "rows": rows(stored), "roles": roles(stored)}
    return Section({**values, "in_service": in_service(stored)})


def rows(stored: Stored) -> list[Row]:
    """Of the table, in the order of the models; with the interval of the test accuracy."""
    found: list[Row] = []
    for row in stored.table.to_dict("records"):
        low, high = stored.accuracy_intervals[row["model"]]
        row |= {"test_accuracy_low": low, "test_accuracy_high": high}
        found.append({str(name): value for name, value in row.items()})
    return found


def roles(stored: Stored) -> dict[str, list[str]]:
    """What marks a model: accepted, oracle, original, and how its making ended unless it finished."""
    status = {name: str(metrics["status"]) for name, metrics in stored.metrics.items()}
    found = {name: [] if status[name] == "finished" else [status[name]] for name in stored.models}
    found["original"].insert(0, "in service" if in_service(stored) else "knows everybody")
    found["retrained"].insert(0, "oracle")
    if stored.decision.accepted:
        found[stored.decision.accepted].insert(0, "accepted")
    return found


def in_service(stored: Stored) -> bool:
    """Whether the original is the model in service, which this round started from."""
    return "started_from" in stored.infos["original"]


def places(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else NONE


def interval(row: Row, low: str, high: str) -> str:
    """`[0.47, 0.55]`; nothing where the ends are no numbers."""
    ends = row[low], row[high]
    return f"[{ends[0]:.2f}, {ends[1]:.2f}]" if np.isfinite(ends).all() else ""


def _strongest_below(row: Row) -> str:
    return f"{interval(row, 'strongest_auc_low', 'strongest_auc_high')} {row['strongest_attack']}".strip()


def _relearn(row: Row) -> str:
    return places(row["relearn_steps"], 0) if row["relearn_reached"] else f"> {places(row['relearn_steps'], 0)}"


def _of_retraining(row: Row) -> str:
    share = row["share_of_retraining"]
    return f"{100 * share:.1f} %" if np.isfinite(share) else ""


COLUMNS = (
    Column(
        "verdict",
        "verdict",
        "Whether somebody who has the model and the oracle can still tell forgotten from never-seen persons. "
        "“remembers”: yes. “over-forgotten”: yes, because the model is conspicuously wrong about them. "
        "“forgotten”: not with these attacks; a stronger one may succeed tomorrow. “too few "
        "persons”: fewer than 20 were forgotten or held out; look at each of them. “yardstick”: the oracle, by which "
        "the others are judged.",
        lambda row: str(row["verdict"]),
    ),
    Column(
        "strongest_auc",
        "deciding attack, AUC [95\u00a0%]",
        "The attack that decides the verdict. AUC is the chance that a forgotten picture looks more familiar to "
        "the model than a never-seen one: .50 is a guess, 1 is certainty, far below .50 is over-forgotten. The "
        "“calibrated” attack allows for how hard each picture is by asking the oracle. In brackets the interval "
        "in which the figure would lie in 95 of 100 draws of other persons.",
        lambda row: places(row["strongest_auc"], 2),
        _strongest_below,
    ),
    Column(
        "test_accuracy",
        "test accuracy [95\u00a0%]",
        "Share of pictures of never-seen persons (the subsets test and unseen together) that the model labels "
        "right. 1 is best. In brackets the interval in which it would lie in 95 of 100 draws of other persons.",
        below=lambda row: interval(row, "test_accuracy_low", "test_accuracy_high"),
    ),
    Column(
        "forget_accuracy",
        "forget accuracy",
        "Share of the forgotten persons' pictures that the model labels right. It should be that of the oracle, "
        "which never saw them; neither 0 nor 1.",
    ),
    Column(
        "mia_accuracy",
        "MIA [95\u00a0%]",
        "The paper's membership inference attack: how often an attacker is right who tells forgotten from never-"
        "seen pictures by their loss alone. .50 is a guess. It does not know how hard a picture is: read it "
        "beside the oracle's.",
        below=lambda row: interval(row, "mia_interval_low", "mia_interval_high"),
    ),
    Column(
        "forgetting_score",
        "forgetting score",
        "2·|MIA − .5|, the paper's measure: 0 is best, 1 is worst. It cannot tell remembering from over-forgetting.",
    ),
    Column(
        "nomus",
        "NoMUS",
        "½·(test accuracy + 1 − forgetting score), the paper's summary of both aims: 1 is best.",
    ),
    Column(
        "oracle_gap",
        "oracle gap",
        "Mean distance to the retrained model in test, retain and forget accuracy and MIA. 0 is the oracle itself.",
    ),
    Column(
        "persons_detected",
        "persons found",
        "Forgotten persons whom the calibrated attack puts above 99 % of the never-seen ones. One to two in a"
        " hundred are chance, more beside few never-seen persons.",
        lambda row: places(row["persons_detected"], 0),
        lambda row: f"of {places(row['persons_audited'], 0)}",
    ),
    Column(
        "forgotten_auc",
        "earlier rounds, AUC [95\u00a0%]",
        "Of persons whom the model in service had forgotten before this round: does the calibrated attack tell them "
        "from never-seen ones? .50 is a guess; a version that brings them back is refused.",
        lambda row: places(row["forgotten_auc"], 2),
        lambda row: f"{interval(row, 'forgotten_auc_low', 'forgotten_auc_high')} {row['forgotten_verdict']}".strip(),
    ),
    Column(
        "forgotten_persons_detected",
        "earlier rounds, persons found",
        "Persons of earlier rounds whom the calibrated attack puts above 99 % of the never-seen ones.",
        lambda row: places(row["forgotten_persons_detected"], 0),
        lambda row: f"of {places(row['forgotten_persons'], 0)}",
    ),
    Column(
        "relearn_steps",
        "relearn steps",
        "Optimiser steps of further training until the model knows the forgotten pictures as well as the original"
        " does. Fewer than the oracle needs: something had stayed. “>”: not within the limit audit.relearn_steps.",
        _relearn,
    ),
    Column(
        "seconds",
        "seconds, % of retraining",
        "Time the method took, and below its share of the time that training the oracle from scratch took: what "
        "unlearning saves. Evaluation is not counted; the machine is named at the end of the page.",
        lambda row: places(row["seconds"], 1),
        _of_retraining,
    ),
)
