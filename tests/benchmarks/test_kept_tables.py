"""RESULTS.md's blocks from tables of known figures."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import kept_tables
from benchmarks.result_pages import glance, goals, pictures
from pipeline import config
from pipeline.reference_tables.cells import FURTHER
from pipeline.registry import gate

ROOT = Path(__file__).parents[2]


def cell(model: str, seed: int, accuracy: float, nomus: float, **figures: Any) -> dict[str, Any]:
    return {
        "model": model,
        "variant": None,
        "as_published": True,
        "seed": seed,
        "test_accuracy": accuracy,
        "retain_accuracy": accuracy,
        "forget_accuracy": accuracy,
        "mia_accuracy": 0.5,
        "nomus": nomus,
        "forgetting_score": 0.0,
        "mia_auc": 0.5,
        "strongest_auc": 0.5,
        "strongest_auc_low": 0.47,
        "strongest_auc_high": 0.53,
        "js_forget": 0.1,
        "oracle_gap": 0.1,
        "persons_detected": 0,
        "verdict": "forgotten",
        "share_of_retraining": 0.1,
        "seconds": 10.0,
        **figures,
    }


def write(rows: list[dict[str, Any]], data: str = "synthetic") -> None:
    Path("results").mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv("results/faces-cells.csv", index=False)
    title = f"# Table 1: age, data.dvc of {data}, `dlfd table 1 --seeds 0,1`"
    Path("results/faces.md").write_text(f"{title}\n\nMachine: one core.\n")


ROWS = [
    cell("original", 0, 0.60, 0.60, verdict="remembers"),
    cell("original", 1, 0.70, 0.70, verdict="remembers"),
    cell("finetune", 0, 0.58, 0.70),
    cell("finetune", 1, 0.68, 0.80),
    cell("dlfd", 0, 0.59, 0.80, strongest_auc=0.56, share_of_retraining=0.05),
    cell("dlfd", 1, 0.69, 0.90, strongest_auc=0.44, share_of_retraining=0.05, verdict="remembers"),
]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(ROWS)
    return tmp_path


def figures_of(rows: list[dict[str, Any]], data: str = "synthetic") -> dict[str, goals.Goal]:
    write(rows, data)
    found = goals.goals(kept_tables.cells("faces"), "age", paper=data != "synthetic")
    return {goal.aim: goal for goal in found}


def test_a_block_ranks_methods_and_says_what_is_met(written: Path) -> None:
    text = kept_tables.filled("before\n<!-- results faces -->\nold\n<!-- end -->\nafter\n", Path("docs/page.md"))
    assert text.startswith("before\n<!-- results faces -->\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text
    assert "\n`dlfd table 1 --seeds 0,1`. Machine: one core.\n" in text
    models = [line.split(" | ")[0][2:] for line in text.splitlines() if line.startswith("| ")][:4]
    assert models == ["", "original", "dlfd", "finetune"], "the trained one, then the best NoMUS first"
    assert "](../results/faces.png)" in text
    assert "| finetune | .630 ± .071 | 2.0 ± 0.0 |" in text
    assert "| forgotten | 10 % |\n" in text
    assert ".638 .688 .630" not in text, "the paper's figures are not of drawn faces"
    assert (
        "NoMUS .850 ± .071, .100 ± .000 above finetune, the best baseline (itself forgotten on 2 of 2 seeds) | yes |"
        in text
    )
    assert "| accuracy 1.0 ± 0.0 points below the original's | yes |" in text
    assert "| forgotten on 1 of 2 seeds | no |" in text
    assert "| 5 % of the cost of retraining (median) | yes |" in text
    assert "The gate's answer was not kept with these cells" in text


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


def test_a_table_of_the_other_drawn_faces_says_where_they_are_and_nothing_of_the_paper(written: Path) -> None:
    write(ROWS, data="synthetic-fresh")
    text = kept_tables.block("faces", Path("RESULTS.md"))
    assert "`dlfd data use datasets/synthetic-fresh`, then `dlfd table 1 --seeds 0,1`." in text
    assert "the paper's" not in text


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


def test_a_model_without_audits_is_told_to_have_none(written: Path) -> None:
    write([*ROWS, cell("ssd", 0, 0.5, 0.6, verdict=None, strongest_auc=None)])
    text = kept_tables.block("faces", Path("RESULTS.md"))
    assert "| not audited |" in text
    assert "Not audited: the run had no audits of it." in text


def test_a_short_block_shows_the_models_it_names_beside_the_trained_ones(written: Path) -> None:
    text = kept_tables.filled("<!-- results faces: dlfd -->\n<!-- end -->\n", Path("README.md"))
    assert [line.split(" | ")[0][2:] for line in text.splitlines() if line.startswith("| ")] == ["", "original", "dlfd"]
    assert ".100 ± .000 above finetune" in text, "compared with all of them"
    assert "| AUC off .5 | verdicts |" in text
    write([*ROWS, *(cell("neggrad", seed, 0.2, 0.99, gate="accuracy fell") for seed in (0, 1))])
    assert "out of the comparison: neggrad" in kept_tables.block("faces", Path("README.md"), ["dlfd"]), "shown or not"
    write(ROWS)
    assert ".png" not in text
    assert kept_tables.filled(text, Path("README.md")) == text


def test_the_kept_table_is_rewritten_from_its_cells_alone(written: Path) -> None:
    write([{**row, "revision": "3039a0c"} for row in ROWS])
    Path("results/faces.md").write_text(kept_tables.page("faces"))
    title, _, origin, *_ = Path("results/faces.md").read_text().splitlines()
    assert title == "# Table 1: age, data.dvc of synthetic, `dlfd table 1 --seeds 0,1`"
    assert origin == "Machine: one core. Code: 3039a0c."
    assert kept_tables.page("faces") == Path("results/faces.md").read_text(), "what it wrote it can read"


def test_cells_of_before_get_the_gates_answer_from_their_experiments(written: Path) -> None:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    Path("pipeline").mkdir()
    Path("pipeline/code.py").touch()
    git("add", "pipeline")
    git("commit", "-qm", "code")
    for folder in ("reports", "metrics"):
        Path(folder).mkdir()
    pd.DataFrame(ROWS).query("seed == 0").drop(columns=["seed", "variant"]).to_csv(
        "reports/comparison.csv", index=False
    )
    good = {**dict.fromkeys(gate.FIGURES, 0.0), gate.ACCURACY: 0.6, gate.NOMUS: 0.8, gate.PERSONS: 99}
    good |= {"confidence_auc": 0.51, "entropy_auc": 0.52, "m_entropy_auc": 0.53}
    told = {"original": good, "finetune": {**good, gate.FORGETTING: 0.3}, "dlfd": {**good, "entropy_auc": 0.59}}
    for name, metrics in told.items():
        Path(f"metrics/{name}.json").write_text(json.dumps({**metrics, "status": "finished"}))
    Path("params.yaml").write_text("register: {max_forgetting_score: 2e-1}\n")
    git("add", "-A")
    git("commit", "-qm", "an experiment")
    git("update-ref", "refs/exps/ab/cd/table1-seed0", "HEAD")
    other = pd.read_csv("reports/comparison.csv").assign(seconds=lambda table: table["seconds"] + [0, 1, 1])
    other.to_csv("reports/comparison.csv", index=False)
    git("commit", "-qam", "another experiment, with one row alike")
    git("update-ref", "refs/exps/ab/cd/table1-seed9", "HEAD")
    git("reset", "-q", "--hard", "HEAD^")
    kept_tables.complete(Path("results/faces-cells.csv"), written)
    table = kept_tables.cells("faces").set_index(["model", "seed"])
    assert table.loc[("dlfd", 0), "gate"] == "passes"
    assert table.loc[("finetune", 0), "gate"] == "validation forgetting score 0.3 is above max_forgetting_score 0.2"
    assert table.loc[("dlfd", 0), "revision"] == git("log", "-1", "--format=%h", "HEAD^")
    assert pd.isna(table.loc[("dlfd", 1), "gate"]), "no experiment of that seed"
    assert pd.isna(table.loc[("original", 0), "gate"])
    assert table.loc[("dlfd", 0), list(FURTHER)].tolist() == [0.51, 0.59, 0.53]
    assert table.loc[("original", 0), list(FURTHER)].tolist() == [0.51, 0.52, 0.53]
    assert table.loc[("dlfd", 1), list(FURTHER)].isna().all()
    kept = pd.read_csv("results/faces-cells.csv", dtype={"revision": str})
    kept.loc[kept["model"] == "dlfd", ["gate", "revision"]] = "passed then", "abc1234"
    kept.to_csv("results/faces-cells.csv", index=False)
    kept_tables.complete(Path("results/faces-cells.csv"), written)
    table = kept_tables.cells("faces").set_index(["model", "seed"])
    assert table.loc[("dlfd", 0), ["gate", "revision"]].tolist() == ["passed then", "abc1234"], "what is known stays"
    write(ROWS)
    Path("params.yaml").write_text("register: {max_regret: 0.2}\n")
    git("commit", "-qam", "an experiment with a limit that is not known here")
    git("update-ref", "refs/exps/ab/cd/table1-seed0", "HEAD")
    kept_tables.complete(Path("results/faces-cells.csv"), written)
    table = kept_tables.cells("faces").set_index(["model", "seed"])
    assert table.loc[[("dlfd", 0), ("finetune", 0)], "gate"].isna().all(), "another gate"


def test_experiments_of_other_runs_leave_a_table_as_it_is(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def others(reference: str, folder: Path) -> pd.DataFrame:
        told = {**dict.fromkeys(FURTHER, 0.5), "gate": "passes", "revision": "abc1234"}
        return pd.DataFrame(ROWS).assign(seconds=99.0, test_accuracy=0.1, **told)

    monkeypatch.setattr(kept_tables.ran, "references", lambda folder: ["refs/exps/a"])
    monkeypatch.setattr(kept_tables.ran, "cell", others)
    file = Path("results/faces-cells.csv")
    before = file.read_bytes()
    kept_tables.complete(file, written)
    assert file.read_bytes() == before


def test_a_table_of_architectures_stays_as_it_was_written(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Path("results/faces.md").read_text().replace("Table 1", "Table 2").replace("table 1", "table 2")
    Path("results/faces.md").write_text(before)
    monkeypatch.setattr(kept_tables, "PAGES", ())
    kept_tables.main(experiments=[])
    assert Path("results/faces.md").read_text() == before
    with pytest.raises(ValueError, match="several architectures"):
        kept_tables.block("faces", Path("RESULTS.md"))


def test_a_picture_is_drawn(written: Path) -> None:
    pictures.write(kept_tables.cells("faces"), written / "faces.png")
    assert (written / "faces.png").read_bytes().startswith(b"\x89PNG")


def test_no_two_methods_look_alike() -> None:
    look = pictures.looks(["original", "retrained", *config.method_names()])
    assert len(set(look.values())) == len(look) == len(config.method_names()) + 2
    assert pictures.looks(["original", "scrub"])["scrub"] == look["scrub"], "the same in every picture"


def test_rows_of_table_three_are_called_by_what_was_changed(written: Path) -> None:
    rows = [{**cell("original", 0, 0.6, 0.6), "variant": "full"}, {**cell("dlfd", 0, 0.5, 0.7), "variant": "full"}]
    rows += [{**cell("dlfd", 0, 0.4, 0.6), "variant": "no push", "as_published": False}]
    write(rows)
    assert kept_tables.cells("faces")["label"].tolist() == ["original", "dlfd", "no push"]
    text = kept_tables.block("faces", Path("RESULTS.md"))
    assert "| no push | .400 | 20.0 | .500 |" in text
    assert "goal" not in text, "its parts are no rivals of DLFD"


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


@pytest.mark.parametrize("page", kept_tables.PAGES, ids=str)
def test_a_page_is_what_its_files_say(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = page.read_text(encoding="utf-8")
    blocks = (kept_tables.BLOCK, kept_tables.TRIALS, kept_tables.GLANCE)
    assert any(block.search(text) for block in blocks), "a page without any has no place in PAGES"
    assert kept_tables.filled(text, page) == text, "run `python -m benchmarks.kept_tables`"


@pytest.mark.parametrize(
    "name", sorted(path.name.removesuffix("-cells.csv") for path in (ROOT / "results").glob("*-cells.csv"))
)
def test_a_kept_table_is_what_its_cells_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert kept_tables.page(name) == (ROOT / f"results/{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("commit", ["4e25179", "1234567", "0000001"])
def test_a_commit_that_looks_like_a_number_stays_a_commit(written: Path, commit: str) -> None:
    write([{**row, "gate": "passes", "revision": commit} for row in ROWS])
    assert set(kept_tables.cells("faces")["revision"]) == {commit}
    assert f"Code: {commit}." in kept_tables.block("faces", Path("page.md"))
    assert f"Code: {commit}." in kept_tables.page("faces")


def test_a_block_of_trials_is_what_the_benchmark_wrote(written: Path) -> None:
    Path("results/some.md").write_text("| a | b |\n")
    before = "before\n<!-- trials some -->\nold\n<!-- end -->\nafter"
    after = "before\n<!-- trials some -->\n\n| a | b |\n\n<!-- end -->\nafter"
    assert kept_tables.filled(before, Path("page.md")) == after
    assert kept_tables.filled(after, Path("page.md")) == after, "once is enough"
