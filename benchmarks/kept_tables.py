"""Tables and pictures of measured results in PAGES, from what `dlfd table` wrote into results/.

    dlfd table 1 --seeds 0,1,2 --name mufac-person      writes results/mufac-person.md and -cells.csv
    python -m benchmarks.kept_tables                    all else in results/ and the marked blocks of the pages

That is results/*.md (title and machine are kept, the rest is of the cells) and results/*.png. A block begins with
`<!-- results <name> -->` and ends with `<!-- end -->`; prose stands outside of them. One that begins with
`<!-- results <name>: <model> <model> -->` is short: these models beside the trained ones, fewer columns, no picture,
nothing of the paper's figures, which take the whole page to be compared with; one of
`<!-- trials <name> -->` has the table of `benchmarks.trials`, and `<!-- glance <name> <name> -->` a line a table, and
which goal is met where.

Cells that were written before the gate's answer, the code's revision or further attacks stood in them get these from
the experiments of the checkout that ran them, as long as it is there:
`python -m benchmarks.kept_tables --experiments CHECKOUT`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import typer

from benchmarks.result_pages import glance, goals, pictures
from pipeline import layout
from pipeline.reference_tables import title
from pipeline.reference_tables.cells import AT_MOST, COST, FURTHER, GATE, OFF, REVISION, VERDICT, read_cells
from pipeline.reference_tables.cost import with_beside
from pipeline.reference_tables.markdown import PAPER, lines, markdown, provenance
from pipeline.reference_tables.summary import summarise
from stages.dvc_tools import experiments as ran

FOLDER = Path("results")
PAGES = (Path("README.md"), Path("RESULTS.md"), Path("docs/dlfd.md"), Path("docs/dlfd-history.md"))
BLOCK = re.compile(r"(<!-- results ([\w-]+)(?:: ([\w ]+))? -->\n).*?(<!-- end -->)", re.DOTALL)
TRIALS = re.compile(r"(<!-- trials ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
GLANCE = re.compile(r"(<!-- glance ([\w -]+) -->\n).*?(<!-- end -->)", re.DOTALL)
ARCHITECTURES = "Table 2"  # which has an original for each, and so neither one fall of accuracy nor one list of goals
DRAWN = ("synthetic", "synthetic-fresh")  # data of datasets/, of which the paper has no figures
ADDED = [GATE, REVISION]
COLUMNS = {  # heading -> column
    "": "label",
    "accuracy": "test_accuracy",
    "drop": "drop",
    "MIA": "mia_accuracy",
    "NoMUS": "nomus",
    "gap": "oracle_gap",
    "AUC off .5": OFF,
    "at most": AT_MOST,
    "JS": "js_forget",
    "found": "persons_detected",
    "verdicts": VERDICT,
    "gate passes": GATE,
    "cost": COST,
    "the paper's accuracy, MIA, NoMUS": PAPER,
}
# Columns that a short block leaves to the page with the whole table.
WHOLE = (AT_MOST, "js_forget", "persons_detected", PAPER)


def main(
    experiments: list[Path] = typer.Option([], help="checkout whose experiments some cells came from; repeatable"),
) -> None:
    """Write every table, every picture and every block."""
    for file in sorted(FOLDER.glob("*-cells.csv")):
        name = file.name.removesuffix("-cells.csv")
        if _head(name)[0].startswith(ARCHITECTURES):
            typer.echo(f"{FOLDER / name} stays as `dlfd table` wrote it")
            continue
        for checkout in experiments:
            complete(file, checkout)
        (FOLDER / f"{name}.md").write_text(page(name), encoding="utf-8")
        pictures.write(cells(name), FOLDER / f"{name}.png")
        typer.echo(f"{FOLDER / name} is up to date")
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        path.write_text(filled(text, path), encoding="utf-8")
        typer.echo(f"{path} is up to date")


def filled(text: str, path: Path) -> str:
    """The text of a page with every block as its files have it now."""
    text = BLOCK.sub(lambda found: found[1] + block(found[2], path, (found[3] or "").split()) + found[4], text)
    text = TRIALS.sub(lambda found: f"{found[1]}\n{_trials(found[2])}\n{found[3]}", text)
    return GLANCE.sub(lambda found: f"{found[1]}\n{_glance(found[2].split(), path)}\n\n{found[3]}", text)


def page(name: str) -> str:
    """results/<name>.md, of its cells and of its own first lines."""
    heading, task, _, _, machine = _head(name)
    table = read_cells(FOLDER / f"{name}-cells.csv")
    origin = provenance(table, machine)
    return markdown(summarise(table, task), heading, origin)


def complete(file: Path, checkout: Path) -> None:
    """Add to cells what the experiments of a checkout know more of them."""
    table = read_cells(file)
    before = table.copy()
    for reference in ran.references(folder=checkout):
        found = ran.cell(reference, checkout)
        table = _with_attacks(_with_answers(table, found), found)
    if not table.astype(object).equals(before.astype(object)):
        table.to_csv(file, index=False)


def _with_answers(table: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """With the gate's answer and the code's revision, where all rows of a seed are of that experiment."""
    same = ["model", "test_accuracy", "seconds"]
    answers = found.set_index(same)[ADDED]
    theirs = pd.DataFrame(index=table.index, columns=ADDED, dtype=object)
    for _, rows in table.groupby(["variant", "seed"], dropna=False):
        keys = pd.MultiIndex.from_frame(rows[same])
        if keys.isin(answers.index).all():
            theirs.loc[rows.index] = answers.reindex(keys).to_numpy()
    if theirs.isna().all(axis=None):
        return table
    return table.assign(**{name: table.get(name, theirs[name]).astype(object).fillna(theirs[name]) for name in ADDED})


def _with_attacks(table: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """With further attacks on the models that an experiment has too.

    They are known by their figures: rows of original and oracle stay when methods are run again beside them.
    """
    same = ["model", "test_accuracy", "nomus", "mia_auc", "strongest_auc"]
    theirs = found.round(9).drop_duplicates(same).set_index(same)[list(FURTHER)].astype(float)
    theirs = theirs.reindex(pd.MultiIndex.from_frame(table[same].round(9))).set_index(table.index)
    if theirs.isna().all(axis=None):
        return table
    return table.assign(**{name: table.get(name, theirs[name]).fillna(theirs[name]) for name in FURTHER})


def cells(name: str) -> pd.DataFrame:
    """A row a model and seed, with two columns more.

    `label` is what the tables call it: the model, or what table 3 changed of DLFD. `drop` is the fall of accuracy from
    that seed's original, in points.

    Raises:
        ValueError: it is of several architectures.
    """
    if _head(name)[0].startswith(ARCHITECTURES):
        raise ValueError(f"{FOLDER / name} is of several architectures, each with an original: no block can show it")
    table = read_cells(FOLDER / f"{name}-cells.csv")
    changed = table["variant"].notna() & (table["variant"] != "full") & (table["model"] == "dlfd")
    original = table[table["model"] == "original"].groupby("seed")["test_accuracy"].first()
    return with_beside(table).assign(
        label=table["model"].where(~changed, table["variant"]),
        drop=100 * (table["seed"].map(original) - table["test_accuracy"]),
    )


def block(name: str, path: Path, models: Sequence[str] = ()) -> str:
    """Command and machine, the table with the best NoMUS first, which goals are met, the picture.

    Args:
        path: of the page, from which the picture is linked.
        models: beside the trained ones; none: all of them, the goals as a table, and the picture.
    """
    _, task, data, command, machine = _head(name)
    table = cells(name)
    rows = table[table["label"].isin([*layout.TRAINED, *models])] if models else table
    without = WHOLE if models else (PAPER,) if data in DRAWN else ()
    found = [goal for goal in _goals(name, table) if not models or goal.aim != goals.PAPERS]
    picture = os.path.relpath(FOLDER / f"{name}.png", path.parent)
    source = f"datasets/{data}" if data in DRAWN else f"…/{data}"
    use = "" if data == DRAWN[0] else f"`dlfd data use {source}`, then "
    below = [[goals.sentence(found)]] if models else [goals.lines(found), [f"![{pictures.ALT}]({picture})"]]
    parts = [
        [f"{use}`{command}`. {provenance(table, machine)}".strip()],
        _rows(rows, task, without),
        *([_notes(table)] if found else []),
        *below,
    ]
    return "\n" + "".join("\n".join(part) + "\n\n" for part in parts if any(part)).removesuffix("\n")


def _trials(name: str) -> str:
    """What `benchmarks.trials` wrote."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def _glance(names: Sequence[str], path: Path) -> str:
    folder = Path(os.path.relpath(FOLDER, path.parent))
    tables = {name: cells(name) for name in names}
    met = {_with_seeds(name, table): _goals(name, table) for name, table in tables.items()}
    return "\n".join([*glance.lines(tables, folder), "", *goals.matrix(met)])


def _with_seeds(name: str, table: pd.DataFrame) -> str:
    """The name of a table and how many seeds stand behind a `yes` of it."""
    seeds = table["seed"].nunique()
    return f"{name}, {seeds} seed{'s' if seeds > 1 else ''}"


def _goals(name: str, table: pd.DataFrame) -> list[goals.Goal]:
    _, task, data, *_ = _head(name)
    return goals.goals(table, task, paper=data not in DRAWN)


def _rows(table: pd.DataFrame, task: str, without: Sequence[str]) -> list[str]:
    """The summary as Markdown, but for some columns."""
    order = table.groupby("label")["nomus"].mean().sort_values(ascending=False).index
    labels = sorted(order, key=lambda name: layout.TRAINED.index(name) if name in layout.TRAINED else 2)
    changed = table["label"] != table["model"]  # a part of DLFD: the paper's figures are not of it
    named = table.assign(model=table["label"], variant="", as_published=~changed)
    summary = summarise(named, task).rename(columns={"model": "label"})
    columns = {heading: name for heading, name in COLUMNS.items() if name not in without}
    return lines(summary.set_index("label").loc[labels].reset_index(), columns)


def _notes(table: pd.DataFrame) -> list[str]:
    """What the table cannot show: who is no rival, and what is not known."""
    reasons = goals.left_out(table)
    by_reason = {why: [name for name in reasons if reasons[name] == why] for why in dict.fromkeys(reasons.values())}
    told = "; ".join(f"{', '.join(names)} ({why})" for why, names in by_reason.items())
    notes = [f"Left out of the comparison: {told}."] if told else []
    if GATE not in table or table[GATE].isna().all():
        notes.append("The gate's answer was not kept with these cells, and it reads figures that they lack.")
    if table[VERDICT].isna().any():
        notes.append("Not audited: the run had no audits of it.")
    return [" ".join(notes)]


def _head(name: str) -> tuple[str, str, str, str, str]:
    """Title, task, data, command and machine ("" where it was not written down) of results/<name>.md."""
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    told, machine = title.read(text), re.search(r"^Machine: (.+?)\.( Code: .*)?$", text, re.MULTILINE)
    if not told:
        raise ValueError(f"{FOLDER / name}.md does not begin with a title of `dlfd table`")
    return *told, machine[1] if machine else ""


if __name__ == "__main__":
    typer.run(main)
