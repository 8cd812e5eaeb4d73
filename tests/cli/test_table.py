"""`dlfd table` in a real git repository; a stand-in for `dvc exp run` leaves what DVC leaves, a git reference."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from pipeline import config
from pipeline.reference_tables.cells import INTERVAL, PASSES
from pipeline.reference_tables.runs import variants
from pipeline.reference_tables.summary import FIGURES
from pipeline.search import choice
from pipeline.search.space import space
from stages.cli import table

ROOT = Path(__file__).parents[2]
PLAIN = subprocess.run


def git(*arguments: str) -> str:
    return PLAIN(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


class Dvc:
    """In place of `dvc exp run`: keeps the settings it was given; fails where it is told to."""

    def __init__(self) -> None:
        self.runs: list[list[str]] = []
        self.fails_at = -1
        self.better: dict[str, float] = {}  # model -> what its figures have more

    def __call__(self, command: Sequence[str], **options: Any) -> Any:
        if command[0] == "git":
            return PLAIN(command, **options)
        settings = [word for before, word in pairwise(command) if before == "-S"]
        self.runs.append(settings)
        if len(self.runs) - 1 == self.fails_at:
            return subprocess.CompletedProcess(command, 1)
        seed = next(int(one.removeprefix("seed=")) for one in settings if one.startswith("seed="))
        names = (*FIGURES, *INTERVAL, "rmia_auc")
        of_the_day = dict.fromkeys(("seconds", "share_of_retraining"), float(len(self.runs)))
        rows = [
            {"model": m, **of_the_day, **dict.fromkeys(names, 0.5 + seed / 10 + self.better.get(m, 0))}
            for m in ("original", "retrained", "finetune", "dlfd")
        ]
        Path("reports").mkdir(exist_ok=True)
        pd.DataFrame(rows).to_csv("reports/comparison.csv", index=False)
        git("add", "-f", "reports/comparison.csv")
        tree, head = git("write-tree"), git("rev-parse", "HEAD")
        commit = git("commit-tree", tree, "-p", head, "-m", "an experiment")
        git("rm", "-q", "--cached", "reports/comparison.csv")
        name = command[list(command).index("--name") + 1]
        git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{name}", commit)
        return subprocess.CompletedProcess(command, 0)


@pytest.fixture
def dvc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dvc:
    """A committed checkout, in which the test stands."""
    (tmp_path / ".dvc").mkdir()
    for name in ("params.yaml", "dvc.yaml", "data.dvc"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("pipeline/code.py", "stages/code.py", "erasure/sides.csv", "datasets/synthetic/dataset.yaml"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("one = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    git("init", "-q")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    git("add", "-A")
    git("commit", "-qm", "start")
    stand_in = Dvc()
    monkeypatch.setattr(table.subprocess, "run", stand_in)
    return stand_in


def make(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(table.table)
    return CliRunner().invoke(app, list(arguments))


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


def searched(name: str, rates: dict[int, float], folder: Path = Path("found"), **others: float) -> None:
    """A file of `dlfd search`: the later a trial, the better it is."""
    rows = [
        {"trial": trial, "learning_rate": rate, **others, "gate": PASSES, choice.OBJECTIVE: 0.6 + trial / 10}
        for trial, rate in rates.items()
    ]
    choice.write(pd.DataFrame(rows), name, folder, data="synthetic", task="age")


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


def test_a_named_table_is_kept_with_its_command_and_machine(dvc: Dvc) -> None:
    assert make("1", "--seeds", "0", "--name", "mine").exit_code == 0
    assert sorted(path.name for path in Path("results").iterdir()) == ["mine-cells.csv", "mine.md"]
    title, _, machine, *_ = Path("results/mine.md").read_text().splitlines()
    assert title.endswith("`dlfd table 1 --seeds 0 --name mine`")
    assert machine.startswith("Machine: ")
    assert machine.endswith(f" Code: {git('rev-parse', '--short', 'HEAD')}.")
    assert Path("reports/tables/mine.md").read_text() == Path("results/mine.md").read_text()


def test_what_a_cell_started_from_is_told_and_not_what_came_after(dvc: Dvc) -> None:
    with Path("params.yaml").open("a") as file:
        file.write("# another knob\n")
    git("commit", "-qam", "knobs")
    knobs = git("rev-parse", "--short", "HEAD")
    Path("README.md").write_text("words\n")
    git("add", "-A")
    git("commit", "-qm", "words")
    assert make("1", "--seeds", "0", "--name", "mine").exit_code == 0
    assert set(pd.read_csv("results/mine-cells.csv", dtype=str)["revision"]) == {knobs}


def test_half_a_table_is_not_kept(dvc: Dvc) -> None:
    Path("results").mkdir()
    Path("results/mine-cells.csv").write_text("of last week, whole\n")
    dvc.fails_at = 1
    assert make("1", "--seeds", "0,1", "--name", "mine").exit_code == 1
    assert Path("results/mine-cells.csv").read_text() == "of last week, whole\n"
    assert set(pd.read_csv("reports/tables/mine-cells.csv")["seed"]) == {0}


def test_seeds_are_added_to_a_kept_table_whose_rows_stay(dvc: Dvc) -> None:
    same = ("-S", "train.epochs=3", "-S", "a={b}", "--name", "mine")
    assert make("1", "--seeds", "1", *same).exit_code == 0
    before = Path("results/mine-cells.csv").read_text().splitlines()
    with Path("pipeline/code.py").open("a") as file:
        file.write("# changed\n")
    git("commit", "-qam", "changed")
    added = make("1", "--seeds", "0", "--add", *same)
    assert added.exit_code == 0, added.output
    assert len(dvc.runs) == 2, "seed 1 is not run again"
    assert Path("results/mine-cells.csv").read_text().splitlines()[: len(before)] == before
    text = Path("results/mine.md").read_text()
    assert "`dlfd table 1 --seeds 0,1 --name mine -S train.epochs=3 -S a={b}`" in text
    assert "| dlfd | 2 | .550 ± .071" in text
    codes = pd.read_csv("results/mine-cells.csv", dtype=str)["revision"].unique()
    assert f" Code: {', '.join(sorted(codes))}." in text
    assert len(codes) == 2, "that they are of different code is told"


def test_seeds_are_added_to_a_table_with_the_knobs_it_has_and_to_no_other(dvc: Dvc) -> None:
    searched("finetune", {0: 0.1})
    same = ("--name", "mine", "--knobs", "found")
    assert make("1", "--seeds", "0", *same).exit_code == 0
    assert make("1", "--seeds", "1", "--add", *same).exit_code == 0
    cells = pd.read_csv("results/mine-cells.csv", dtype={"knobs": "string"}).fillna({"knobs": ""})
    knobs = cells.groupby("model")["knobs"].unique().map(list).to_dict()
    assert knobs == {model: [""] for model in knobs} | {"finetune": ["finetune.learning_rate=0.1"]}
    searched("finetune", {0: 0.1, 1: 0.05})
    refused = make("1", "--seeds", "2", "--add", *same)
    assert refused.exit_code == 1
    words = "has finetune with finetune.learning_rate=0.1; the search has since chosen finetune.learning_rate=0.05"
    assert words in " ".join(refused.output.split())
    assert len(dvc.runs) == 2


def test_knobs_of_a_kept_table_may_stand_in_another_order(dvc: Dvc) -> None:
    """The order of a method's fields, which a change of its code may turn."""
    settings = config.method_settings("dlfd")
    searched("dlfd", {0: 0.1}, **{name: getattr(settings, name) for name in space(settings) if name != "learning_rate"})
    same = ("--name", "mine", "--knobs", "found")
    assert make("1", "--seeds", "0", *same).exit_code == 0
    kept = Path("results/mine-cells.csv")
    cells = pd.read_csv(kept, dtype={"knobs": "string"})
    turned = cells["knobs"].map(lambda told: " ".join(reversed(told.split())), na_action="ignore")
    assert (turned != cells["knobs"]).any()
    cells.assign(knobs=turned).to_csv(kept, index=False)
    added = make("1", "--seeds", "1", "--add", *same)
    assert added.exit_code == 0, added.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--seeds", "2"), "--add needs --name"),
        (("--seeds", "2", "--name", "other"), "there is no results/other.md"),
        (("--seeds", "2", "--name", "mine", "-S", "train.epochs=3"), "other data or settings"),
        (("--seeds", "2,1", "--name", "mine"), "has seed 1 already"),
    ],
)
def test_what_cannot_be_added_is_refused(dvc: Dvc, arguments: tuple[str, ...], words: str) -> None:
    assert make("1", "--seeds", "1", "--name", "mine").exit_code == 0
    refused = make("1", "--add", *arguments)
    assert refused.exit_code == 1
    assert words in " ".join(refused.output.split())
    assert len(dvc.runs) == 1


def changed(words: str) -> str:
    """Another code; returns its commit."""
    with Path("pipeline/code.py").open("a") as file:
        file.write(f"# {words}\n")
    git("commit", "-qam", words)
    return git("rev-parse", "--short", "HEAD")


def kept() -> pd.DataFrame:
    return pd.read_csv("results/mine-cells.csv", dtype={"variant": str, "revision": str})


def test_methods_of_a_kept_table_are_run_again_and_the_other_rows_stay(dvc: Dvc) -> None:
    same = ("--seeds", "0,1", "--name", "mine")
    assert make("1", *same).exit_code == 0
    before, old = kept(), git("rev-parse", "--short", "HEAD")
    new = changed("dlfd is better")
    dvc.better = {"dlfd": 0.2, "finetune": 0.1}
    again = make("1", "--again", "dlfd", *same)
    assert again.exit_code == 0, again.output
    assert [next(one for one in run if "methods" in one) for run in dvc.runs[2:]] == ["unlearn.methods=[dlfd]"] * 2
    after, is_dlfd = kept(), before["model"] == "dlfd"
    assert after["model"].tolist() == before["model"].tolist(), "each in its place"
    pd.testing.assert_frame_equal(after[~is_dlfd], before[~is_dlfd])
    assert after.loc[is_dlfd, "nomus"].tolist() == pytest.approx([0.7, 0.8])
    text = Path("results/mine.md").read_text()
    assert "`dlfd table 1 --seeds 0,1 --name mine`" in text
    assert "| dlfd | 2 | .750 ± .071" in text
    assert f"Code: {old}; dlfd: {new}." in text


def test_a_seed_of_a_method_is_run_again_and_the_page_tells_both_codes(dvc: Dvc) -> None:
    assert make("1", "--seeds", "0,1", "--name", "mine").exit_code == 0
    old, new = git("rev-parse", "--short", "HEAD"), changed("dlfd is better")
    dvc.better = {"dlfd": 0.2}
    again = make("1", "--again", "dlfd", "--seeds", "1", "--name", "mine")
    assert again.exit_code == 0, again.output
    assert kept().query("model == 'dlfd'")["nomus"].tolist() == pytest.approx([0.5, 0.8])
    assert f"Code: {old}; dlfd: {', '.join(sorted([old, new]))}." in Path("results/mine.md").read_text()


def test_a_method_is_run_again_with_each_architecture_and_with_its_knobs(dvc: Dvc) -> None:
    searched("finetune", {0: 0.1})
    assert make("2", "--seeds", "0", "--name", "mine", "--knobs", "found").exit_code == 0
    before = kept()
    changed("dlfd is better")
    dvc.better = {"dlfd": 0.2}
    again = make("2", "--again", "dlfd", "--seeds", "0", "--name", "mine", "--knobs", "found")
    assert again.exit_code == 0, again.output
    assert kept()[["variant", "model"]].equals(before[["variant", "model"]])
    assert (kept().query("model == 'dlfd'")["nomus"] == 0.7).sum() == 3


@pytest.mark.parametrize("figure", ["strongest_auc", "rmia_auc"])
@pytest.mark.parametrize("model", ["original", "retrained"])
def test_methods_are_run_again_beside_the_same_original_and_oracle_alone(dvc: Dvc, model: str, figure: str) -> None:
    """By every figure but seconds and their share: audits that changed give the same model other ones."""
    assert make("1", "--seeds", "0", "--name", "mine").exit_code == 0
    page = Path("results/mine-cells.csv")
    cells = kept()
    cells.loc[cells["model"] == model, figure] += 0.01
    cells.to_csv(page, index=False)
    before = page.read_text()
    changed("audits")
    refused = make("1", "--again", "dlfd", "--seeds", "0", "--name", "mine")
    assert refused.exit_code == 1
    assert f"{model} of seed 0 has {figure} 0.5000 here and 0.5100" in " ".join(refused.output.split())
    assert page.read_text() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("1", "--seeds", "1", "--again", "dlfd"), "--again needs --name"),
        (("1", "--seeds", "1", "--again", "dlfd", "--name", "other"), "there is no results/other.md"),
        (("1", "--seeds", "1,2", "--again", "dlfd", "--name", "mine"), "has no seed 2"),
        (("1", "--seeds", "1", "--again", "dlfd,ssdd", "--name", "mine"), "there is no method 'ssdd'"),
        (("1", "--seeds", "1", "--again", "", "--name", "mine"), "there is no method ''"),
        (("1", "--seeds", "1", "--again", "dlfd, dlfd", "--name", "mine"), "stands there twice"),
        (("1", "--seeds", "1", "--again", "scrub", "--name", "mine"), "has 0 rows of scrub for seed 1"),
        (("1", "--seeds", "1", "--again", "dlfd", "--add", "--name", "mine"), "give one of them"),
        (("3", "--seeds", "1", "--again", "dlfd", "--name", "mine"), "table 3 is of DLFD alone"),
    ],
)
def test_what_cannot_be_run_again_is_refused(dvc: Dvc, arguments: tuple[str, ...], words: str) -> None:
    assert make("1", "--seeds", "1", "--name", "mine").exit_code == 0
    refused = make(*arguments)
    assert refused.exit_code == 1
    assert words in " ".join(refused.output.split())
    assert len(dvc.runs) == 1
