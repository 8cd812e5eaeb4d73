"""`dlfd table --name`: tables that are kept, get more seeds, or some methods anew."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from table_runs import Dvc, git, make, searched

from pipeline import config
from pipeline.search.space import space


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
