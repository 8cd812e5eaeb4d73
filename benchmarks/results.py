"""Tables and pictures of measured results in PAGES, from what `dlfd table` wrote into results/.

    dlfd table 1 --seeds 0,1,2 --name mufac-person      writes results/mufac-person.md and -cells.csv
    python -m benchmarks.results                        results/*.png, and the marked blocks of the pages

A block begins with `<!-- results <name> -->` and ends with `<!-- end -->`; prose stands outside of them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import altair as alt
import pandas as pd
import typer

from pipeline.report import charts, trade_off

FOLDER = Path("results")
PAGES = (Path("RESULTS.md"), Path("docs/dlfd.md"))
BLOCK = re.compile(r"(<!-- results ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
YARDSTICKS = ("original", "retrained")
COLUMNS = ("", "accuracy", "drop, points", "MIA", "NoMUS", "calibrated AUC", "verdicts", "cost")
SIZE = (640, 380)  # of a picture, in pixels


def main() -> None:
    """Write every picture and every block."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for _, name, _ in BLOCK.findall(text):
            picture(cells(name), FOLDER / f"{name}.png")
        page.write_text(filled(text, page), encoding="utf-8")
        typer.echo(f"{page} is up to date")


def filled(text: str, page: Path) -> str:
    """The text of a page with every block as its files have it now."""
    return BLOCK.sub(lambda found: found[1] + block(found[2], page) + found[3], text)


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


def block(name: str, page: Path) -> str:
    """Command and machine, the table with the best NoMUS first, what of the goals is met, the picture."""
    title = (FOLDER / f"{name}.md").read_text(encoding="utf-8").splitlines()
    command = re.findall(r"`(dlfd table .+?)`", title[0])[0]
    machine = next((line for line in title if line.startswith("Machine: ")), "")
    table, shown = cells(name), os.path.relpath(FOLDER / f"{name}.png", page.parent)
    return "\n".join(
        [
            "",
            f"`{command}`. {machine}".strip(),
            "",
            *_rows(table),
            "",
            *_goals(table),
            "",
            f"![Accuracy against forgetting score, a point a method and seed]({shown})",
            "",
        ]
    )


def _rows(table: pd.DataFrame) -> list[str]:
    order = table.groupby("label")["nomus"].mean().sort_values(ascending=False).index
    models = sorted(order, key=lambda name: YARDSTICKS.index(name) if name in YARDSTICKS else len(YARDSTICKS))
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for model in models:
        of = table[table["label"] == model]
        shown = [_spread(of[column]) for column in ("test_accuracy", "drop", "mia_accuracy", "nomus", "strongest_auc")]
        shown[1] = f"{of['drop'].mean():.1f}"
        cost = f"{100 * of['share_of_retraining'].mean():.0f} %"
        lines.append("| " + " | ".join([model, *shown, _verdicts(of["verdict"]), cost]) + " |")
    return lines


def _goals(table: pd.DataFrame) -> list[str]:
    """DLFD beside the best baseline, seed by seed where both ran."""
    ours = table[table["label"] == "dlfd"]
    others = table[~table["label"].isin([*YARDSTICKS, "dlfd"])].groupby("label")["nomus"].mean()
    lead = ours["nomus"].mean() - others.max()
    forgotten = int((ours["verdict"] == "forgotten").sum())
    cost = 100 * ours["share_of_retraining"].mean()
    return [
        f"DLFD: NoMUS {_spread(ours['nomus'])}, {abs(lead):.3f} {'above' if lead > 0 else 'below'} the best other row "
        f"({others.idxmax()}); accuracy {ours['drop'].mean():.1f} points below the original's; "
        f"forgotten on {forgotten} of {len(ours)} seeds; {cost:.0f} % of the cost of retraining."
    ]


def picture(table: pd.DataFrame, path: Path) -> None:
    """Accuracy against forgetting score: a small point a method and seed, its mean with the name."""
    known = {"original": "original", "retrained": "retrained (oracle)", "dlfd": "DLFD"}
    roles = [*known.values(), "other"]
    table = table.assign(role=table["label"].map(known).fillna(roles[-1]))
    means = table.groupby(["label", "role"], as_index=False)[["forgetting_score", "test_accuracy"]].mean()
    x = alt.X("forgetting_score:Q", title="forgetting score 2·|MIA − ½| (0: forgotten)", scale=alt.Scale(zero=True))
    y = alt.Y("test_accuracy:Q", title="test accuracy", scale=alt.Scale(zero=False))
    colour = alt.Color("role:N", scale=alt.Scale(domain=roles, range=list(trade_off.COLOURS)))
    shape = alt.Shape("role:N", scale=alt.Scale(domain=roles, range=list(trade_off.SHAPES)))
    seeds = alt.Chart(charts.named("seeds")).mark_point(filled=True, size=30, opacity=0.45).encode(x, y, colour, shape)
    points = alt.Chart(charts.named("means")).mark_point(filled=True, size=130, opacity=1).encode(x, y, colour, shape)
    names = alt.Chart(charts.named("means")).mark_text(align="left", dx=9, fontSize=10).encode(x, y, text="label:N")
    told = charts.specification((seeds + points + names).properties(height=SIZE[1]), "Trade-off")
    path.write_bytes(charts.png(told, {"seeds": table, "means": means}, SIZE[0]))


def _spread(values: pd.Series) -> str:
    mean, deviation = values.mean(), values.std()
    return f"{mean:.3f}" if pd.isna(deviation) else f"{mean:.3f} ± {deviation:.3f}"


def _verdicts(told: pd.Series) -> str:
    counts = told.fillna("").value_counts()
    return ", ".join(str(name) if n == len(told) else f"{n} {name}" for name, n in counts.items())


if __name__ == "__main__":
    typer.run(main)
