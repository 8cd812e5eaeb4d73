"""The paper's tables: which runs fill them, what the authors report, and how ours is written beside it.

Reference figures: the authors' own notebooks (Choi & Na, AAAI 2025, Table 1), single runs, ResNet18 at 128 pixels. A
cell of ours is the mean over seeds ± the sample standard deviation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

PUBLISHED = "Paper: its published split of real faces, ResNet18 at 128 pixels, 100 epochs, one run."
FIGURES = {
    "test_accuracy": "accuracy",
    "mia_accuracy": "MIA",
    "nomus": "NoMUS",
    "oracle_gap": "oracle gap",
    "strongest_auc": "strongest audit, AUC",
    "persons_detected": "persons found",
}
COUNTS = ("persons_detected",)
VERDICT = "verdict"
NOTHING = (None, None, None)

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
    as_published: bool = False  # the authors' figures are of these very settings


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
        "ours off: no loss matching": "matching_weight=0",
        "ours off: no clean batch beside": "mix_clean=false",
        "ours off: no recovery share": "recovery_share=0",
        "the paper's form": "variant=paper",
    }
    alone = "unlearn.methods=[dlfd]"
    parts = [Variant(name, (alone, f"dlfd.{change}"), ("dlfd",)) for name, change in changes.items()]
    return [Variant("full", (alone,), as_published=True), *parts]


def summarise(cells: pd.DataFrame, task: str) -> pd.DataFrame:
    """Mean and standard deviation over seeds, the paper's figures beside them.

    Args:
        cells: a row for each variant, seed and model, with the columns variant, as_published, seed, model and those of
            FIGURES; without a `verdict` the models were not audited.
    """
    groups = cells.groupby(["variant", "as_published", "model"], sort=False)
    columns: dict[str, pd.Series] = {"seeds": groups["seed"].nunique()}
    for name in FIGURES:
        columns[name], columns[f"{name}_sd"] = groups[name].mean(), groups[name].std()
    if VERDICT in cells:
        columns[VERDICT] = groups[VERDICT].agg(_counted)
    table = pd.DataFrame(columns).reset_index()
    known = REFERENCE.get(task, {})
    rows = zip(table["model"], table.pop("as_published"), strict=True)
    told = [known.get(model, NOTHING) if published else NOTHING for model, published in rows]
    for place, name in enumerate(("paper_accuracy", "paper_mia", "paper_nomus")):
        table[name] = [row[place] for row in told]
    return table


def markdown(table: pd.DataFrame, title: str, machine: str) -> str:
    """The table for a reader; an empty cell is a figure the paper does not give."""
    heads = ["variant", "model", "seeds", *FIGURES.values(), "verdict", "paper: accuracy", "MIA", "NoMUS"]
    lines = [f"# {title}", "", f"Machine: {machine}.", "", PUBLISHED, ""]
    lines += ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for _, row in table.iterrows():
        ours = [_with_spread(row[name], row[f"{name}_sd"], 0 if name in COUNTS else 3) for name in FIGURES]
        ours.append(row.get(VERDICT, ""))
        theirs = [
            "" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in ("paper_accuracy", "paper_mia", "paper_nomus")
        ]
        lines.append("| " + " | ".join([row["variant"], row["model"], str(row["seeds"]), *ours, *theirs]) + " |")
    return "\n".join(lines) + "\n"


def _counted(verdicts: pd.Series) -> str:
    """`forgotten`; of several seeds that differ `2 forgotten, 1 remembers`."""
    counts = verdicts.fillna("").value_counts()
    return str(counts.index[0]) if len(counts) == 1 else ", ".join(f"{n} {name}" for name, n in counts.items())


def _with_spread(mean: float, deviation: float, digits: int) -> str:
    if pd.isna(mean):
        return ""
    return f"{mean:.{digits}f}" if pd.isna(deviation) else f"{mean:.{digits}f} ± {deviation:.{digits}f}"
