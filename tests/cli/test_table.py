"""`dlfd table` in a real git repository; a stand-in for `dvc exp run` leaves what DVC leaves, a git reference."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from table_runs import Dvc, git, make, searched

from pipeline import config
from pipeline.reference_tables.cells import PASSES
from pipeline.reference_tables.runs import variants
from pipeline.search import choice
from pipeline.search.space import space


def test_every_cell_is_run_once_and_then_found(dvc: Dvc) -> None:
    first = make("1", "--seeds", "0,1", "-S", "train.epochs=3")
    assert first.exit_code == 0, first.output
    assert [run[:2] for run in dvc.runs] == [["train.epochs=3", "seed=0"], ["train.epochs=3", "seed=1"]]
    told = pd.read_csv("reports/tables/table1.csv").set_index("model")
    assert told.loc["dlfd", "nomus"] == pytest.approx(0.55)
    assert told.loc["dlfd", "seeds"] == 2
    Path("README.md").write_text("words\n")
    git("add", "-A")
    git("commit", "-qm", "what is no input of a cell")
    again = make("1", "--seeds", "0,1,2", "-S", "train.epochs=3")
    assert again.output.count("done before") == 2
    assert len(dvc.runs) == 3
    text = Path("reports/tables/table1.md").read_text()
    assert "age, data.dvc of synthetic, `dlfd table 1 --seeds 0,1,2 -S train.epochs=3`" in text
    assert "| dlfd | 3 | .600 ± .100" in text


@pytest.mark.parametrize(
    "name", ["params.yaml", "pipeline/code.py", "erasure/sides.csv", "datasets/synthetic/dataset.yaml"]
)
def test_a_change_of_what_it_depends_on_runs_a_cell_anew(dvc: Dvc, name: str) -> None:
    make("1", "--seeds", "0")
    with Path(name).open("a") as file:
        file.write("# changed\n")
    make("1", "--seeds", "0")
    git("commit", "-qam", "changed")
    make("1", "--seeds", "0")
    assert len(dvc.runs) == 3


def test_data_that_erasing_made_plain_have_their_folder_as_a_name(dvc: Dvc) -> None:
    Path("data.dvc").write_text("outs:\n- path: data\n  md5: 0.dir\n")  # as `dvc add` writes it
    done = make("1", "--seeds", "0")
    assert done.exit_code == 0, done.output
    assert "age, data.dvc of data, `dlfd table 1" in Path("reports/tables/table1.md").read_text()


def test_a_failed_cell_ends_the_table_and_keeps_the_others(dvc: Dvc) -> None:
    dvc.fails_at = 1
    failed = make("3", "--seeds", "0,1")
    assert failed.exit_code == 1
    assert "table3-full-seed1" in failed.output
    assert "failed; what is done is kept" in failed.output
    dvc.fails_at = -1
    assert make("3", "--seeds", "0,1").exit_code == 0
    assert len(dvc.runs) == 2 * len(variants(3, [])) + 1
    shown = pd.read_csv("reports/tables/table3.csv")
    assert set(shown.loc[shown["variant"] == "full", "model"]) == {"original", "retrained", "finetune", "dlfd"}
    assert set(shown.loc[shown["variant"] != "full", "model"]) == {"dlfd"}
    assert shown.loc[shown["variant"] == "no dynamic forgetting", "paper_nomus"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("1", "-S", "seed=3"), "-S seed="),
        (("2", "-S", "model.architecture=densenet121"), "-S model.architecture="),
        (("3", "-S", "dlfd.ot_weight=2"), "-S dlfd.ot_weight="),
        (("1", "-S", "+seed=3"), "-S seed="),
        (("1", "--seeds", "0;1"), "--seeds '0;1'"),
        (("1", "--seeds", "0,0"), "--seeds '0,0'"),
    ],
)
def test_what_the_table_sets_itself_is_refused(dvc: Dvc, arguments: tuple[str, ...], words: str) -> None:
    refused = make(*arguments)
    assert refused.exit_code == 1
    assert words in refused.output
    assert dvc.runs == []


def test_methods_get_the_knobs_that_a_search_chose(dvc: Dvc) -> None:
    searched("finetune", {0: 0.1, 1: 0.0123456})
    searched("cf_k", {0: config.method_settings("cf_k").learning_rate, 1: 0.07})
    made = make("1", "--seeds", "0", "--name", "mine", "--knobs", "found", "-S", "train.epochs=3")
    assert made.exit_code == 0, made.output
    (run,) = dvc.runs
    assert run[0] == "train.epochs=3"
    assert {one for one in run if "learning_rate" in one} == {
        "cf_k.learning_rate=0.07",
        "finetune.learning_rate=0.01235",
    }
    title = Path("results/mine.md").read_text().partition("\n")[0]
    assert title.endswith("`dlfd table 1 --seeds 0 --name mine --knobs found -S train.epochs=3`")
    searched("finetune", {0: 0.1, 1: 0.05})
    assert make("1", "--seeds", "0", "--knobs", "found", "-S", "train.epochs=3").exit_code == 0
    assert len(dvc.runs) == 2, "other knobs are another cell, under the same command"


def test_a_folder_is_meant_from_where_it_was_typed(dvc: Dvc, monkeypatch: pytest.MonkeyPatch) -> None:
    searched("finetune", {0: 0.1})
    monkeypatch.chdir("pipeline")
    made = make("1", "--seeds", "0", "--name", "mine", "--knobs", "../found")
    assert made.exit_code == 0, made.output
    assert "--knobs found`" in Path("results/mine.md").read_text().partition("\n")[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("1", "--knobs", "nowhere"), "nowhere has no trials of a method"),
        (("1", "--knobs", "found", "-S", "finetune.learning_rate=0.1"), "--knobs sets it too"),
        (("1", "--knobs", "old"), "has no column gate"),
        (("1", "--knobs", "found", "-S", "task=gender"), "a search on synthetic and age, this is synthetic and gender"),
        (("3", "--knobs", "parts"), "table 3 sets it itself"),
    ],
)
def test_knobs_that_cannot_be_taken_are_refused(dvc: Dvc, arguments: tuple[str, ...], words: str) -> None:
    searched("finetune", {0: 0.1})
    Path("old").mkdir()
    pd.read_csv("found/finetune.csv").drop(columns="gate").to_csv("old/finetune.csv", index=False)
    shipped = config.method_settings("dlfd")
    of_dlfd = {key: getattr(shipped, key) for key in space(shipped)}
    row = {"trial": 0, "gate": PASSES, choice.OBJECTIVE: 0.7}
    choice.write(pd.DataFrame([{**of_dlfd, **row}]), "dlfd", Path("parts"), data="synthetic", task="age")
    refused = make(*arguments)
    assert refused.exit_code == 1
    assert words in " ".join(refused.output.split())
    assert dvc.runs == []


def test_outside_git_it_says_so(dvc: Dvc) -> None:
    shutil.rmtree(".git")
    refused = make("1", "--seeds", "0")
    assert refused.exit_code == 1
    assert "not a git repository" in refused.output
