"""Means over seeds ± the sample standard deviation; of the cost the median, since a busy machine makes one seed's
seconds worthless."""

from __future__ import annotations

import pandas as pd

from pipeline.reference_tables.cells import AT_MOST, COST, GATE, OFF, PASSES, VERDICT, with_off_half
from pipeline.reference_tables.cost import BESIDE, with_beside
from pipeline.reference_tables.published import REFERENCE

FIGURES = (  # mean and deviation over seeds
    *("test_accuracy", "mia_accuracy", "nomus", "oracle_gap", "strongest_auc", OFF, AT_MOST, "js_forget"),
    "persons_detected",
)
IF_THERE = ("drop",)  # as FIGURES, where the cells have it
NOTHING = (None, None, None)


def summarise(cells: pd.DataFrame, task: str) -> pd.DataFrame:
    """Mean and standard deviation over seeds, median cost, counts of verdicts and of the gate, the paper's figures.

    Args:
        cells: a row for each variant, seed and model, with the columns variant, as_published, seed, model, those of
            INTERVAL and those of FIGURES but OFF and AT_MOST; without `verdict`, `gate` or COST there is none of these.
            A column `drop` is a figure too.
    """
    cells = with_beside(with_off_half(cells))
    groups = cells.groupby(["variant", "as_published", "model"], sort=False, dropna=False)
    columns: dict[str, pd.Series] = {"seeds": groups["seed"].nunique()}
    for name in (*FIGURES, *(name for name in IF_THERE if name in cells)):
        columns[name], columns[f"{name}_sd"] = groups[name].mean(), groups[name].std()
    if VERDICT in cells:
        columns[VERDICT] = groups[VERDICT].agg(_counted)
    if GATE in cells:
        columns[GATE] = groups[GATE].agg(passing)
    for share in (COST, BESIDE):
        if share in cells:
            columns[share] = groups[share].median()
    table = pd.DataFrame(columns).reset_index()
    known = REFERENCE.get(task, {})
    rows = zip(table["model"], table.pop("as_published"), strict=True)
    told = [known.get(model, NOTHING) if published else NOTHING for model, published in rows]
    for place, name in enumerate(("paper_accuracy", "paper_mia", "paper_nomus")):
        table[name] = [row[place] for row in told]
    return table


def _counted(verdicts: pd.Series) -> str:
    """`forgotten`; of several seeds that differ `2 forgotten, 1 remembers`."""
    counts = verdicts.fillna("not audited").value_counts()
    return str(counts.index[0]) if len(counts) == 1 else ", ".join(f"{n} {name}" for name, n in counts.items())


def passing(answers: pd.Series) -> str:
    """`2 of 3` seeds; empty of what the gate was not asked about."""
    known = answers.dropna()
    return f"{(known == PASSES).sum()} of {len(known)}" if len(known) else ""
