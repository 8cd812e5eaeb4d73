"""RESULTS.md's blocks from tables of known figures."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from kept_cells import ROWS, cell, write

from benchmarks import kept_tables
from pipeline.reference_tables.cells import FURTHER
from pipeline.registry import gate

ROOT = Path(__file__).parents[2]


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


def test_a_table_of_the_other_drawn_faces_says_where_they_are_and_nothing_of_the_paper(written: Path) -> None:
    write(ROWS, data="synthetic-fresh")
    text = kept_tables.block("faces", Path("RESULTS.md"))
    assert "`dlfd data use datasets/synthetic-fresh`, then `dlfd table 1 --seeds 0,1`." in text
    assert "the paper's" not in text


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


def test_rows_of_table_three_are_called_by_what_was_changed(written: Path) -> None:
    rows = [{**cell("original", 0, 0.6, 0.6), "variant": "full"}, {**cell("dlfd", 0, 0.5, 0.7), "variant": "full"}]
    rows += [{**cell("dlfd", 0, 0.4, 0.6), "variant": "no push", "as_published": False}]
    write(rows)
    assert kept_tables.cells("faces")["label"].tolist() == ["original", "dlfd", "no push"]
    text = kept_tables.block("faces", Path("RESULTS.md"))
    assert "| no push | .400 | 20.0 | .500 |" in text
    assert "goal" not in text, "its parts are no rivals of DLFD"


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
