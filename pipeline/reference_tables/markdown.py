"""A summary as Markdown."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pipeline import layout
from pipeline.reference_tables import cost, published
from pipeline.reference_tables.cells import AT_MOST, COST, GATE, OFF, REVISION, VERDICT

DIGITS = {"persons_detected": 0, "drop": 1}  # after the point; of all others 3, without a zero before it
PAPER = "paper"
COLUMNS = {  # heading -> column
    "variant": "variant",
    "model": "model",
    "seeds": "seeds",
    "accuracy": "test_accuracy",
    "MIA": "mia_accuracy",
    "NoMUS": "nomus",
    "gap": "oracle_gap",
    "AUC": "strongest_auc",
    "off .5": OFF,
    "at most": AT_MOST,
    "JS": "js_forget",
    "found": "persons_detected",
    "verdict": VERDICT,
    "gate passes": GATE,
    "cost": COST,
    "paper's accuracy, MIA, NoMUS": PAPER,
}
LEGEND = """\
- *gap*: mean distance to the oracle in test, retain and forget accuracy and MIA.
- *AUC*: of the calibrated attack, by which audits judge, above .5 where forgotten persons are remembered, below where
  over-forgotten; *off .5*: its distance from .5, where seeds on both sides do not cancel; *at most*: that of the
  farther end of its 95 % interval. *JS*: divergence of predictions on forget from the oracle's, in bits. *found*:
  persons who stand out.
- *gate passes*: seeds on which the gate would let the model into service. *cost*: seconds as a share of retraining,
  the median over seeds; two figures where a method was run again, by the retraining its own run had (DVC may have kept
  it from an earlier day) and by that shown here.
"""


def provenance(cells: pd.DataFrame, machine: str) -> str:
    """`Machine: 2 cores. Code: 3039a0c; dlfd: 363d387.`, of what is known; models that differ in code are named."""
    code = _code(cells) if REVISION in cells else ""
    told = [f"Machine: {machine}." if machine else "", f"Code: {code}." if code else ""]
    return " ".join(filter(None, told))


def _code(cells: pd.DataFrame) -> str:
    """Commits that cells were run with, those of the original model first, then those of models that have others."""
    of = {str(model): ", ".join(sorted(rows.dropna().unique())) for model, rows in cells.groupby("model")[REVISION]}
    first = of.get(layout.TRAINED[0], "") or next(iter(of.values()))
    return "; ".join(filter(None, [first, *(f"{model}: {code}" for model, code in of.items() if code != first)]))


def markdown(table: pd.DataFrame, title: str, origin: str) -> str:
    """A page of the rows of `summarise`.

    Args:
        origin: of `provenance`.
    """
    several = table["variant"].fillna("").ne("").any()
    columns = {heading: name for heading, name in COLUMNS.items() if several or name != "variant"}
    above = [f"# {title}", *([origin] if origin else []), published.NOTE, LEGEND.strip()]
    return "\n\n".join([*above, "\n".join(lines(table, columns))]) + "\n"


def lines(table: pd.DataFrame, columns: Mapping[str, str]) -> list[str]:
    """The rows of `summarise` as a table of Markdown; an empty cell is a figure that there is none of.

    Args:
        columns: heading -> column; those that the table lacks are left out.
    """
    shown = {heading: name for heading, name in columns.items() if name in table or name == PAPER}
    told = ["| " + " | ".join(shown) + " |", "|" + "---|" * len(shown)]
    return told + ["| " + " | ".join(_text(row, name) for name in shown.values()) + " |" for _, row in table.iterrows()]


def spread(mean: float, deviation: float, digits: int = 3) -> str:
    """`.619 ± .025`; with less than three digits after the point, which are no shares, `3.3 ± 1.1`."""
    if pd.isna(mean):
        return ""
    both = [mean] if pd.isna(deviation) else [mean, deviation]
    return " ± ".join(_number(value, digits) for value in both)


def _number(value: float, digits: int) -> str:
    told = f"{value:.{digits}f}"
    return told.removeprefix("0") if digits == 3 else told


def _text(row: pd.Series, name: str) -> str:
    if f"{name}_sd" in row:
        return spread(row[name], row[f"{name}_sd"], DIGITS.get(name, 3))
    if name == PAPER:
        theirs = [row[f"paper_{figure}"] for figure in ("accuracy", "mia", "nomus")]
        return "" if pd.isna(theirs).any() else " ".join(_number(figure, 3) for figure in theirs)
    if name == COST:
        return cost.told(row[name], row.get(cost.BESIDE, row[name]))
    return "" if pd.isna(row[name]) else str(row[name])
