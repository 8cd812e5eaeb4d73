"""The paper's tables: which runs fill them, what the authors report, and how ours is written beside it.

Reference figures: the authors' own notebooks (Choi & Na, AAAI 2025, Table 1), single runs, ResNet18 at 128 pixels. A
cell of ours is the mean over seeds ± the sample standard deviation; the cost is their median, since a busy machine
makes one seed's seconds worthless.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import layout
from pipeline.errors import PipelineError

PUBLISHED = "Paper: its published split of real faces, ResNet18 at 128 pixels, 100 epochs, one run."
OFF, AT_MOST = "auc_off_half", "auc_off_half_at_most"
INTERVAL = ("strongest_auc_low", "strongest_auc_high")
FIGURES = (  # mean and deviation over seeds
    *("test_accuracy", "mia_accuracy", "nomus", "oracle_gap", "strongest_auc", OFF, AT_MOST, "js_forget"),
    "persons_detected",
)
DIGITS = {"persons_detected": 0, "drop": 1}  # after the point; of all others 3, without a zero before it
COST = "share_of_retraining"
OF_THE_DAY = ("seconds", COST)  # differ from run to run
VERDICT, GATE, REVISION, PAPER = "verdict", "gate", "revision", "paper"
PASSES = "passes"  # in the column `gate`; another text is why the gate refuses a method
NOTHING = (None, None, None)
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
  the median over seeds.
"""

REFERENCE: dict[str, dict[str, tuple[float, float, float]]] = {  # task -> model -> accuracy, MIA, NoMUS
    "age": {
        "original": (0.633, 0.692, 0.624),
        "retrained": (0.608, 0.555, 0.749),
        "finetune": (0.638, 0.688, 0.630),
        "cf_k": (0.622, 0.684, 0.627),
        "eu_k": (0.630, 0.689, 0.625),
        "neggrad": (0.412, 0.475, 0.681),
        "unsir": (0.491, 0.531, 0.714),
        "bad_teacher": (0.420, 0.563, 0.647),
        "scrub": (0.646, 0.664, 0.659),
        "dlfd": (0.620, 0.528, 0.782),
    },
    "emotion": {
        "original": (0.750, 0.674, 0.701),
        "retrained": (0.719, 0.520, 0.840),
        "finetune": (0.752, 0.683, 0.693),
        "cf_k": (0.751, 0.673, 0.703),
        "eu_k": (0.752, 0.674, 0.702),
        "neggrad": (0.732, 0.647, 0.720),
        "unsir": (0.622, 0.520, 0.791),
        "bad_teacher": (0.515, 0.521, 0.737),
        "scrub": (0.751, 0.638, 0.738),
        "dlfd": (0.661, 0.546, 0.784),
    },
}


@dataclass(frozen=True)
class Variant:
    """One column of runs: a name and the settings that make it."""

    name: str
    settings: tuple[str, ...] = ()
    models: tuple[str, ...] = field(default=())  # shown; empty: all
    as_published: bool = False  # the authors' figures, of the published split, are of the same method


def variants(number: int, methods: Iterable[str]) -> list[Variant]:
    """The runs of a table: 1 all methods, 2 three architectures, 3 the parts of DLFD, one changed at a time."""
    every = f"unlearn.methods=[{','.join(methods)}]"
    if number == 1:
        return [Variant("", (every,), as_published=True)]
    if number == 2:
        names = ("resnet18", "densenet121", "efficientnet_b0")
        return [Variant(n, (every, f"model.architecture={n}"), as_published=n == "resnet18") for n in names]
    changes = {
        "no OT distancing": "ot_weight=0",
        "no classification preservation": "classification_weight_end=0",
        "no dynamic forgetting": "dynamic=false",
        "the paper's λ, 0 to 1": "classification_weight_end=1",
        "a random push": "direction=random",
        "no push: a second clean copy": "steps=0",
        "ours off: no loss matching": "matching_weight=0",
        "ours off: the original is not followed": "distillation_weight=0",
        "ours off: no clean batch beside": "mix_clean=false",
        "ours off: no recovery share": "recovery_share=0",
        "the paper's form": "variant=paper",
    }
    alone = "unlearn.methods=[dlfd]"
    parts = [Variant(name, (alone, f"dlfd.{change}"), ("dlfd",)) for name, change in changes.items()]
    return [Variant("full", (alone,), as_published=True), *parts]


def summarise(cells: pd.DataFrame, task: str) -> pd.DataFrame:
    """Mean and standard deviation over seeds, median cost, counts of verdicts and of the gate, the paper's figures.

    Args:
        cells: a row for each variant, seed and model, with the columns variant, as_published, seed, model, those of
            INTERVAL and those of FIGURES but OFF and AT_MOST; without `verdict`, `gate` or COST there is none of these.
            A column `drop` is a figure too.
    """
    cells = with_off_half(cells)
    groups = cells.groupby(["variant", "as_published", "model"], sort=False, dropna=False)
    columns: dict[str, pd.Series] = {"seeds": groups["seed"].nunique()}
    for name in (*FIGURES, *(name for name in DIGITS if name in cells and name not in FIGURES)):
        columns[name], columns[f"{name}_sd"] = groups[name].mean(), groups[name].std()
    if VERDICT in cells:
        columns[VERDICT] = groups[VERDICT].agg(_counted)
    if GATE in cells:
        columns[GATE] = groups[GATE].agg(_passing)
    if COST in cells:
        columns[COST] = groups[COST].median()
    table = pd.DataFrame(columns).reset_index()
    known = REFERENCE.get(task, {})
    rows = zip(table["model"], table.pop("as_published"), strict=True)
    told = [known.get(model, NOTHING) if published else NOTHING for model, published in rows]
    for place, name in enumerate(("paper_accuracy", "paper_mia", "paper_nomus")):
        table[name] = [row[place] for row in told]
    return table


def with_off_half(cells: pd.DataFrame) -> pd.DataFrame:
    """With the columns OFF and AT_MOST.

    How far from .5, where the oracle is by construction, the calibrated attack's AUC is, and the farther end of its
    interval: what was not excluded.
    """
    low, high = (cells[name] for name in INTERVAL)
    return cells.assign(**{OFF: (cells["strongest_auc"] - 0.5).abs(), AT_MOST: np.maximum(high - 0.5, 0.5 - low)})


def read_cells(file: Path) -> pd.DataFrame:
    """What `dlfd table` wrote, words as words: `4e25179` is a commit and not infinity."""
    return pd.read_csv(file, dtype={"variant": str, REVISION: str})


def replaced(kept: pd.DataFrame, found: pd.DataFrame, variant: str, seed: int) -> pd.DataFrame:
    """A table's cells with the rows of one variant and seed that were run again in the place of those from before.

    Args:
        kept: all cells of the table, a row for each variant, seed and model.
        found: of the cell that was run again: original and oracle, and what takes the place of its rows in `kept`.

    Raises:
        PipelineError: original or oracle is not that of the kept rows, by any figure: then their methods started
            elsewhere, or were judged otherwise.
    """
    place = kept[(kept["variant"] == variant) & (kept["seed"] == seed)].reset_index().set_index("model")
    own = found.set_index("model")
    numbers = kept.select_dtypes("number").columns.intersection(found.select_dtypes("number").columns)
    for figure, model in product(numbers.difference(list(OF_THE_DAY)), layout.TRAINED):
        before, now = (float(table[figure].astype(float)[model]) for table in (place, own))
        if not np.isclose(before, now, atol=1e-4, equal_nan=True):
            raise PipelineError(
                f"{model} of seed {seed} has {figure} {now:.4f} here and {before:.4f} in the kept table: "
                "another machine or other code has trained or judged it; run the whole table again"
            )
    fresh = found[~found["model"].isin(layout.TRAINED)]
    fresh = fresh.set_index(pd.Index(place.loc[fresh["model"], "index"]))
    return pd.concat([kept.drop(index=fresh.index), fresh]).sort_index()


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
    above = [f"# {title}", *([origin] if origin else []), PUBLISHED, LEGEND.strip()]
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
        return "" if pd.isna(row[name]) else f"{100 * row[name]:.0f} %"
    return "" if pd.isna(row[name]) else str(row[name])


def _counted(verdicts: pd.Series) -> str:
    """`forgotten`; of several seeds that differ `2 forgotten, 1 remembers`."""
    counts = verdicts.fillna("not audited").value_counts()
    return str(counts.index[0]) if len(counts) == 1 else ", ".join(f"{n} {name}" for name, n in counts.items())


def _passing(answers: pd.Series) -> str:
    """`2 of 3` seeds; empty of what the gate was not asked about."""
    known = answers.dropna()
    return f"{(known == PASSES).sum()} of {len(known)}" if len(known) else ""
