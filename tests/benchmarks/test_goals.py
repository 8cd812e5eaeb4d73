"""Which goals are met, from tables of known figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kept_cells import ROWS, cell, write

from benchmarks import kept_tables
from benchmarks.result_pages import goals


def figures_of(rows: list[dict[str, Any]], data: str = "synthetic") -> dict[str, goals.Goal]:
    write(rows, data)
    found = goals.goals(kept_tables.cells("faces"), "age", paper=data != "synthetic")
    return {goal.aim: goal for goal in found}


def test_audits_of_seeds_on_both_sides_of_a_half_do_not_cancel(written: Path) -> None:
    block = kept_tables.block("faces", Path("RESULTS.md"))
    row = next(line for line in block.splitlines() if line.startswith("| dlfd"))
    assert " .060 ± .000 | .030 ± .000 | .100 ± .000 | 0 ± 0 | 1 forgotten, 1 remembers |" in row
    whole = next(line for line in kept_tables.page("faces").splitlines() if line.startswith("| dlfd"))
    assert " .500 ± .085 | .060 ± .000 |" in whole, "the kept table has the signed figure as well"


def test_one_seed_on_a_busy_machine_does_not_move_the_cost(written: Path) -> None:
    rows = [*ROWS, cell("original", 2, 0.6, 0.6), cell("finetune", 2, 0.6, 0.7)]
    goal = figures_of([*rows, cell("dlfd", 2, 0.6, 0.8, share_of_retraining=0.9)])
    assert goal["at most 10 % of the cost of retraining"].figure == "5 % of the cost of retraining (median)"
    assert goal["at most 10 % of the cost of retraining"].met == goals.ON_AVERAGE
    dear = [{**row, "share_of_retraining": 0.11} if row["model"] == "dlfd" else row for row in ROWS]
    assert figures_of(dear)["at most 10 % of the cost of retraining"].met == goals.NO


def test_the_original_unchanged_and_what_the_gate_refuses_are_no_rivals(written: Path) -> None:
    best = [cell("ssd", 0, 0.60, 0.6004), cell("ssd", 1, 0.70, 0.70)]
    best += [cell("neggrad", seed, 0.2, 0.99, gate="accuracy fell") for seed in (0, 1)]
    passing = [{**row, "gate": "passes"} for row in ROWS]
    write([*passing, *best])
    text = kept_tables.block("faces", Path("RESULTS.md"))
    assert (
        "Left out of the comparison: ssd (the original unchanged); neggrad (refused by the gate on every seed)." in text
    )
    assert ".100 ± .000 above finetune" in text
    assert "| forgotten | 0 of 2 |" in text
    assert "| forgotten | 2 of 2 |" in text
    once = [{**row, "gate": "passes"} if row["seed"] else row for row in best]
    assert "below neggrad" in figures_of([*passing, *once])["NoMUS above every baseline's"].figure


def test_every_attack_is_held_against_the_oracles_own(written: Path) -> None:
    def rows(*rmia: float) -> list[dict[str, Any]]:
        near = {"mia_auc": 0.52, "rmia_auc": 0.56, "strongest_auc": 0.5}
        oracle = [cell("retrained", seed, 0.58, 0.7, **near) for seed in (0, 1)]
        return [*oracle, *({**row, **near, "rmia_auc": rmia[row["seed"]]} for row in ROWS)]

    aim = "AUC of each attack within .030 of the oracle's on every seed"
    assert aim not in figures_of(ROWS), "which have no oracle"
    near = figures_of(rows(0.58, 0.54))[aim]
    assert near.figure.startswith("AUC of each attack (plain, calibrated, RMIA) within")
    assert near.met == goals.YES
    assert near.figure.endswith("on 2 of 2 seeds (the farthest: RMIA, .020)")
    for auc in (0.60, 0.46):
        far = figures_of(rows(0.58, auc))[aim]
        assert far.met == goals.NO
        assert far.figure.endswith("on 1 of 2 seeds (the farthest: RMIA, .040)"), "from the oracle's or from .5"
    unknown = [{**row, "rmia_auc": float("nan")} if row["model"] == "retrained" else row for row in rows(0.9, 0.9)]
    assert figures_of(unknown)[aim].figure.startswith("AUC of each attack (plain, calibrated) within")
    between = figures_of(rows(0.50, 0.53))[aim].figure
    assert between.endswith("(the farthest: plain, .000)"), "RMIA is calibrated in part: from .5 to the oracle's"


def test_real_faces_are_held_against_the_papers_best(written: Path) -> None:
    aim = "NoMUS above the paper's best"
    assert aim not in figures_of(ROWS)
    assert figures_of(ROWS, "mufac.tar")[aim].figure == ".068 above the paper's .782"
    for pair, met in (((0.8, 0.9), goals.YES), ((0.7, 0.9), goals.ON_AVERAGE), ((0.7, 0.75), goals.NO)):
        rows = [{**row, "nomus": pair[row["seed"]]} if row["model"] == "dlfd" else row for row in ROWS]
        assert figures_of(rows, "mufac.tar")[aim].met == met
    easy = figures_of([{**row, "nomus": 0.9} for row in ROWS], "mufac.tar")[aim]
    assert easy.met == goals.EMPTY, "where the original that forgot nobody is above as well"
    assert "as the original that forgot nobody is" in easy.figure
    text = kept_tables.block("faces", Path("RESULTS.md"))
    assert "| 10 % | .638 .688 .630 |" in text, "of the same task"
    assert "`dlfd data use …/mufac.tar`, then `dlfd table 1 --seeds 0,1`." in text
    short = kept_tables.block("faces", Path("README.md"), ["dlfd"])
    assert "paper" not in short, "whose split, size and epochs are others: that is told where the whole table is"


def test_where_the_gate_refuses_every_other_method_there_is_no_rival(written: Path) -> None:
    rows = [{**row, "gate": "passes" if row["model"] == "dlfd" else "it remembers"} for row in ROWS]
    goal = figures_of(rows)["NoMUS above every baseline's"]
    assert (goal.figure, goal.met) == ("NoMUS .850 ± .071, without a rival: all are left out", goals.ALONE)
    text = kept_tables.filled("<!-- glance faces -->\n<!-- end -->\n", Path("page.md"))
    assert "| .850 ± .071 | .100 ± .000 | .060 ± .000 | 1 of 2 | 2 of 2 | 5 % |" in text
    assert "Left out of the comparison: finetune (refused by the gate on every seed)." in kept_tables.block(
        "faces", Path("page.md")
    )


def test_a_gain_of_accuracy_is_told_as_one(written: Path) -> None:
    better = [{**row, "test_accuracy": row["test_accuracy"] + 0.02} if row["model"] == "dlfd" else row for row in ROWS]
    goal = figures_of(better)["accuracy at most 1.5 points below the original's"]
    assert (goal.figure, goal.met) == ("accuracy 1.0 ± 0.0 points above the original's", goals.YES)


def test_what_is_reached_on_average_and_not_on_each_seed_is_told_so(written: Path) -> None:
    def of_dlfd(column: str, *values: float) -> str:
        rows = [{**row, column: values[row["seed"]]} if row["model"] == "dlfd" else row for row in ROWS]
        aim = (
            "NoMUS above every baseline's" if column == "nomus" else "accuracy at most 1.5 points below the original's"
        )
        return figures_of(rows)[aim].met

    assert [of_dlfd("nomus", *pair) for pair in ((0.71, 0.81), (0.69, 0.9), (0.75, 0.7))] == [
        goals.YES,
        goals.ON_AVERAGE,
        goals.NO,
    ]
    other = [cell("salun", 0, 0.58, 0.82), cell("salun", 1, 0.68, 0.6)]
    behind = figures_of([*ROWS, *other])["NoMUS above every baseline's"]
    assert behind.met == goals.ON_AVERAGE, "ahead of the best by the mean, behind another on seed 0"
    assert figures_of(ROWS[::-1])["NoMUS above every baseline's"].met == goals.YES, "seeds in any order"
    assert [of_dlfd("test_accuracy", *pair) for pair in ((0.59, 0.69), (0.58, 0.7), (0.58, 0.69))] == [
        goals.YES,
        goals.ON_AVERAGE,
        goals.NO,
    ]
