"""Tables and pictures of measured results in PAGES, from what `dlfd table` wrote into results/.

    dlfd table 1 --seeds 0,1,2 --name mufac-person      writes results/mufac-person.md and -cells.csv
    python -m benchmarks.results                        results/*.png, and the marked blocks of the pages

A block begins with `<!-- results <name> -->` and ends with `<!-- end -->`; prose stands outside of them. One that
begins with `<!-- results <name>: <model> <model> -->` shows these models beside the yardsticks, and no picture.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import altair as alt
import pandas as pd
import typer

from pipeline import reference_tables
from pipeline.report import charts, trade_off

FOLDER = Path("results")
PAGES = (Path("README.md"), Path("RESULTS.md"), Path("docs/dlfd.md"))
BLOCK = re.compile(r"(<!-- results ([\w-]+)(?:: ([\w ]+))? -->\n).*?(<!-- end -->)", re.DOTALL)
YARDSTICKS = ("original", "retrained")
FIGURES = {  # heading -> column and digits
    "accuracy": ("test_accuracy", 3),
    "drop": ("drop", 1),
    "MIA": ("mia_accuracy", 3),
    "NoMUS": ("nomus", 3),
    "gap": ("oracle_gap", 3),
    "calibrated AUC": ("strongest_auc", 3),
    "found": ("persons_detected", 0),
}
WIDTH = 640  # of a picture, in pixels


def main() -> None:
    """Write every picture and every block."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for _, name, *_ in BLOCK.findall(text):
            picture(cells(name), FOLDER / f"{name}.png")
        page.write_text(filled(text, page), encoding="utf-8")
        typer.echo(f"{page} is up to date")


def filled(text: str, page: Path) -> str:
    """The text of a page with every block as its files have it now."""
    return BLOCK.sub(lambda found: found[1] + block(found[2], page, (found[3] or "").split()) + found[4], text)


def cells(name: str) -> pd.DataFrame:
    """A row a model and seed, with two columns more.

    `label` is what the tables call it: the model, or what table 3 changed of DLFD. `drop` is the fall of accuracy from
    that seed's original, in points.
    """
    table = pd.read_csv(FOLDER / f"{name}-cells.csv", dtype={"variant": str})
    changed = table["variant"].notna() & (table["variant"] != "full") & (table["model"] == "dlfd")
    original = table[table["model"] == "original"].groupby("seed")["test_accuracy"].first()
    return table.assign(
        label=table["model"].where(~changed, table["variant"]),
        drop=100 * (table["seed"].map(original) - table["test_accuracy"]),
    )


def block(name: str, page: Path, models: Sequence[str] = ()) -> str:
    """Command and machine, the table with the best NoMUS first, what of the goals is met, the picture.

    Args:
        models: beside the yardsticks; none: all of them, and the picture.
    """
    title = (FOLDER / f"{name}.md").read_text(encoding="utf-8").splitlines()
    task = re.findall(r"^# Table \d: (\w+)", title[0])[0]
    command = re.findall(r"`(dlfd table .+?)`", title[0])[0]
    machine = next((line for line in title if line.startswith("Machine: ")), "")
    table, shown = cells(name), os.path.relpath(FOLDER / f"{name}.png", page.parent)
    rows = table[table["label"].isin([*YARDSTICKS, *models])] if models else table
    drawn = [f"![Accuracy against forgetting score, a point a method and seed]({shown})", ""]
    return "\n".join(
        [
            "",
            f"`{command}`. {machine}".strip(),
            "",
            *_rows(rows, task),
            "",
            _goals(table),
            "",
            *([] if models else drawn),
        ]
    )


def _rows(table: pd.DataFrame, task: str) -> list[str]:
    order = table.groupby("label")["nomus"].mean().sort_values(ascending=False).index
    models = sorted(order, key=lambda name: YARDSTICKS.index(name) if name in YARDSTICKS else len(YARDSTICKS))
    theirs = reference_tables.REFERENCE.get(task, {})
    heads = ["", *FIGURES, "verdicts", "cost", "the paper's accuracy, MIA, NoMUS"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for model in models:
        of = table[table["label"] == model]
        shown = [_spread(of[column], digits) for column, digits in FIGURES.values()]
        cost = f"{100 * of['share_of_retraining'].mean():.0f} %"
        published = ", ".join(f"{figure:.3f}" for figure in theirs.get(str(model), ()))
        lines.append("| " + " | ".join([str(model), *shown, _verdicts(of["verdict"]), cost, published]) + " |")
    return lines


def _goals(table: pd.DataFrame) -> str:
    """DLFD beside the best other row, means over the seeds."""
    ours = table[table["label"] == "dlfd"]
    others = table[~table["label"].isin([*YARDSTICKS, "dlfd"])].groupby("label")["nomus"].mean()
    lead = ours["nomus"].mean() - others.max()
    forgotten = int((ours["verdict"] == "forgotten").sum())
    cost = 100 * ours["share_of_retraining"].mean()
    return (
        f"DLFD: NoMUS {_spread(ours['nomus'])}, {abs(lead):.3f} {'above' if lead > 0 else 'below'} the best other row "
        f"({others.idxmax()}); accuracy {ours['drop'].mean():.1f} points below the original's; "
        f"forgotten on {forgotten} of {len(ours)} seeds; {cost:.0f} % of the cost of retraining."
    )


def picture(table: pd.DataFrame, path: Path) -> None:
    """Accuracy against forgetting score: a small point a method and seed, the mean with its standard deviation."""
    known = {"original": "original", "retrained": "retrained (oracle)", "dlfd": "DLFD"}
    roles = [*known.values(), "other"]
    names = {"label": "model", "forgetting_score": "score", "test_accuracy": "accuracy"}
    seeds = table[list(names)].rename(columns=names)
    groups = seeds.groupby("model", sort=False)[["score", "accuracy"]]
    mean, deviation = groups.mean(), groups.std()
    for name in ("score", "accuracy"):
        mean[f"{name}_low"], mean[f"{name}_high"] = mean[name] - deviation[name], mean[name] + deviation[name]
    mean["role"] = [known.get(str(model), roles[-1]) for model in mean.index]
    seeds = seeds.join(mean["role"], on="model")
    found = trade_off.labelled(mean.reset_index())
    points = (
        alt.Chart(charts.named("seeds"))
        .mark_point(filled=True, size=25, opacity=0.5)
        .encode(x="score:Q", y="accuracy:Q", color="role:N")
    )
    told = charts.specification(trade_off.chart(found, roles) + points, "Test accuracy against forgetting score")
    path.write_bytes(charts.png(told, {"trade_off": found, "seeds": seeds}, WIDTH, scale=1.5))


def _spread(values: pd.Series, digits: int = 3) -> str:
    mean, deviation = values.mean(), values.std()
    if pd.isna(mean):
        return ""
    return f"{mean:.{digits}f}" if pd.isna(deviation) else f"{mean:.{digits}f} ± {deviation:.{digits}f}"


def _verdicts(told: pd.Series) -> str:
    counts = told.fillna("").value_counts()
    return ", ".join(str(name) if n == len(told) else f"{n} {name}" for name, n in counts.items())


if __name__ == "__main__":
    typer.run(main)
