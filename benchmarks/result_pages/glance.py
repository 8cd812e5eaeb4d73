"""All kept tables in one: DLFD beside the best of the other methods, a line a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.result_pages import goals
from pipeline.evaluation.verdict import FORGOTTEN
from pipeline.reference_tables import cost
from pipeline.reference_tables.cells import GATE, OFF, PASSES, VERDICT, with_off_half
from pipeline.reference_tables.markdown import spread
from pipeline.reference_tables.summary import passing

COLUMNS = (
    *("table", "seeds", "accuracy, drop", "NoMUS, lead", "gap, lead", "AUC off .5, lead"),
    *("forgotten", "gate passes", "cost"),
)


def lines(tables: dict[str, pd.DataFrame], folder: Path) -> list[str]:
    """The table as Markdown.

    Args:
        tables: name -> cells, as `benchmarks.kept_tables.cells` gives them.
        folder: of the whole tables, from the page.
    """
    rows = [f"| [{name}]({folder / name}.md) | {' | '.join(_figures(table))} |" for name, table in tables.items()]
    return [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|", *rows]


def _figures(table: pd.DataFrame) -> list[str]:
    """Of DLFD: means ± standard deviations over seeds, and the cost's median.

    To be near .5 alone is easy for a model that is ruined: that lead is over methods which the gate lets pass on as
    many seeds as DLFD.
    """
    ours, rivals = goals.sides(with_off_half(table))
    sound, told = rivals[0:0], ""
    if GATE in table and ours[GATE].notna().all():
        as_often = (rivals[GATE] == PASSES).groupby(rivals["model"]).transform("sum") >= (ours[GATE] == PASSES).sum()
        sound, told = rivals[as_often], passing(ours[GATE])
    return [
        str(len(ours)),
        f"{_told(ours['test_accuracy'])}, {spread(ours['drop'].mean(), ours['drop'].std(), 1)}",
        _told(ours["nomus"]) + _lead(ours, rivals, "nomus", higher=True),
        _told(ours["oracle_gap"]) + _lead(ours, rivals, "oracle_gap", higher=False),
        _told(ours[OFF]) + _lead(ours, sound, OFF, higher=False),
        f"{(ours[VERDICT] == FORGOTTEN).sum()} of {len(ours)}",
        told,
        cost.median_told(ours),
    ]


def _told(figures: pd.Series) -> str:
    return spread(figures.mean(), figures.std())


def _lead(ours: pd.DataFrame, rivals: pd.DataFrame, column: str, *, higher: bool) -> str:
    """How far ahead of the best of these it is, over seeds; below zero it is behind. Nothing without rivals."""
    if rivals.empty:
        return ""
    best, lead = goals.lead(ours, rivals, column, higher=higher)
    sign = "+" if lead.mean() >= 0 else "−"
    return f", {sign}{spread(abs(lead.mean()), lead.std())} ({best})"
