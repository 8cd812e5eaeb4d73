"""RESULTS.md's blocks from tables of known figures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import results

ROOT = Path(__file__).parents[2]


def cell(model: str, seed: int, accuracy: float, nomus: float, verdict: str = "forgotten") -> dict[str, object]:
    return {
        "model": model,
        "variant": None,
        "seed": seed,
        "test_accuracy": accuracy,
        "mia_accuracy": 0.5,
        "nomus": nomus,
        "forgetting_score": 0.0,
        "strongest_auc": 0.5,
        "oracle_gap": 0.1,
        "persons_detected": 0,
        "verdict": verdict,
        "share_of_retraining": 0.1,
    }


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [cell("original", 0, 0.60, 0.60, "remembers"), cell("original", 1, 0.70, 0.70, "remembers")]
    rows += [cell("finetune", 0, 0.58, 0.70), cell("finetune", 1, 0.68, 0.80)]
    rows += [cell("dlfd", 0, 0.59, 0.80), cell("dlfd", 1, 0.69, 0.90, "remembers")]
    (tmp_path / "results").mkdir()
    pd.DataFrame(rows).to_csv(tmp_path / "results/faces-cells.csv", index=False)
    (tmp_path / "results/faces.md").write_text("# Table 1: age, `dlfd table 1 --seeds 0,1`\n\nMachine: one core.\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_block_ranks_methods_and_says_what_is_met(written: Path) -> None:
    text = results.filled("before\n<!-- results faces -->\nold\n<!-- end -->\nafter\n", Path("docs/page.md"))
    assert text.startswith("before\n<!-- results faces -->\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text
    assert "`dlfd table 1 --seeds 0,1`. Machine: one core." in text
    models = [line.split(" | ")[0][2:] for line in text.splitlines() if line.startswith("| ")]
    assert models == ["", "original", "dlfd", "finetune"], "the yardstick, then the best NoMUS first"
    assert "](../results/faces.png)" in text
    assert "| finetune | 0.630 ± 0.071 | 2.0 ± 0.0 |" in text
    assert "| forgotten | 10 % | 0.638, 0.688, 0.630 |" in text, "the paper's, of the same task"
    assert "NoMUS 0.850 ± 0.071, 0.100 above the best other row (finetune)" in text
    assert "accuracy 1.0 points below the original's; forgotten on 1 of 2 seeds; 10 % of the cost" in text


def test_a_short_block_shows_the_models_it_names_beside_the_yardsticks(written: Path) -> None:
    text = results.filled("<!-- results faces: dlfd -->\n<!-- end -->\n", Path("README.md"))
    assert [line.split(" | ")[0][2:] for line in text.splitlines() if line.startswith("| ")] == ["", "original", "dlfd"]
    assert "0.100 above the best other row (finetune)" in text, "compared with all of them"
    assert ".png" not in text
    assert results.filled(text, Path("README.md")) == text


def test_a_picture_is_drawn(written: Path) -> None:
    results.picture(results.cells("faces"), written / "faces.png")
    assert (written / "faces.png").read_bytes().startswith(b"\x89PNG")


def test_rows_of_table_three_are_called_by_what_was_changed(written: Path) -> None:
    rows = [{**cell("original", 0, 0.6, 0.6), "variant": "full"}, {**cell("dlfd", 0, 0.5, 0.7), "variant": "full"}]
    rows += [{**cell("dlfd", 0, 0.4, 0.6), "variant": "no push"}]
    pd.DataFrame(rows).to_csv("results/faces-cells.csv", index=False)
    assert results.cells("faces")["label"].tolist() == ["original", "dlfd", "no push"]
    assert "| no push | 0.400 | 20.0 | 0.500 |" in results.block("faces", Path("RESULTS.md"))


@pytest.mark.parametrize("page", results.PAGES, ids=str)
def test_a_page_is_what_its_files_say(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = page.read_text(encoding="utf-8")
    assert "<!-- results " in text
    assert results.filled(text, page) == text, "run `python -m benchmarks.results`"
