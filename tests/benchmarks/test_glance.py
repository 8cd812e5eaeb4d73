"""The tables at a glance, and their pictures."""

from __future__ import annotations

from pathlib import Path

from kept_cells import ROWS, cell, write

from benchmarks import kept_tables
from benchmarks.result_pages import glance, goals, pictures
from pipeline import config


def test_at_a_glance_a_lead_is_of_the_same_seed_and_up_is_better(written: Path) -> None:
    rows = [{**row, "oracle_gap": 0.05 if row["model"] == "finetune" else 0.06 + 0.02 * row["seed"]} for row in ROWS]
    wrecked = [cell("neggrad", seed, 0.2, 0.99, oracle_gap=0.0, gate="accuracy fell") for seed in (0, 1)]
    once = [cell("salun", seed, 0.4, 0.6, gate="passes" if seed else "accuracy fell") for seed in (0, 1)]
    kept = [
        {**row, "gate": "passes", "strongest_auc": 0.5 if row["model"] == "finetune" else row["strongest_auc"]}
        for row in rows
    ]
    write([*kept, *once, *wrecked])
    text = kept_tables.filled("<!-- glance faces -->\nold\n<!-- end -->\n", Path("docs/page.md"))
    start = text.splitlines().index("|---" * len(glance.COLUMNS) + "|")
    assert text.splitlines()[start + 1 : start + 3] == [
        "| [faces](../results/faces.md) | 2 | .640 ± .071, 1.0 ± 0.0 | .850 ± .071, +.100 ± .000 (finetune)"
        " | .070 ± .014, −.020 ± .014 (finetune) | .060 ± .000, −.060 ± .000 (finetune) | 1 of 2 | 2 of 2 | 5 % |",
        "",
    ]
    assert kept_tables.filled(text, Path("docs/page.md")) == text


def test_near_a_half_are_rivals_that_the_gate_passes_as_often(written: Path) -> None:
    def lead(*dlfd_passes: bool | None) -> str:
        answers = {"dlfd": dlfd_passes, "finetune": (True, False), "salun": (False, False)}
        rows = [*ROWS, *(cell("salun", seed, 0.4, 0.6) for seed in (0, 1))]
        words = {True: "passes", False: "no", None: None}
        write([{**row, "gate": words[answers.get(row["model"], (True, True))[row["seed"]]]} for row in rows])
        text = kept_tables.filled("<!-- glance faces -->\n<!-- end -->\n", Path("page.md"))
        return next(line for line in text.splitlines() if line.startswith("| [faces]"))

    assert "| .060 ± .000, −.060 ± .000 (finetune) | 1 of 2 | 1 of 2 |" in lead(False, True)
    assert "| .060 ± .000 | 1 of 2 | 2 of 2 |" in lead(True, True), "fine-tuning serves on one"
    assert "| .060 ± .000 | 1 of 2 |  | 5 % |" in lead(None, None), "nobody asked the gate about DLFD"


def test_at_a_glance_a_goal_has_a_line_and_a_data_set_a_column(written: Path) -> None:
    found = [goals.Goal(goals.PAPERS, ".1 above", goals.NO), goals.Goal("cheap", "5 %", goals.YES)]
    assert goals.matrix({"drawn": found[1:], "real": found}) == [
        "| goal for DLFD | drawn | real |",
        "|---|---|---|",
        f"| {goals.PAPERS} | – | no |",
        "| cheap | yes | yes |",
    ]
    text = kept_tables.filled("<!-- glance faces -->\n<!-- end -->\n", Path("page.md"))
    assert "| goal for DLFD | faces, 2 seeds |" in text
    assert "| forgotten on every seed | no |" in text
    assert goals.PAPERS not in text, "which has no figures of drawn faces"


def test_a_picture_is_drawn(written: Path) -> None:
    pictures.write(kept_tables.cells("faces"), written / "faces.png")
    assert (written / "faces.png").read_bytes().startswith(b"\x89PNG")


def test_no_two_methods_look_alike() -> None:
    look = pictures.looks(["original", "retrained", *config.method_names()])
    assert len(set(look.values())) == len(look) == len(config.method_names()) + 2
    assert pictures.looks(["original", "scrub"])["scrub"] == look["scrub"], "the same in every picture"
