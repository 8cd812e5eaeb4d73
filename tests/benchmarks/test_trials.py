from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from benchmarks import trials
from pipeline import config, layout
from pipeline.config import Params
from pipeline.errors import ConfigError

KEPT = Path(__file__).parents[2] / "results"


def test_a_line_changes_the_knobs_that_it_names_alone() -> None:
    name, settings = trials.read("dlfd matching_weight=7e-1 mix_clean=false variant=matched")
    shipped = config.method_settings("dlfd")
    assert name == "dlfd"
    assert (settings.matching_weight, settings.mix_clean) == (0.7, False)
    assert settings.learning_rate == shipped.learning_rate
    assert trials.read("finetune") == ("finetune", config.method_settings("finetune"))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("dlfd matching_wight=1", "matching_weight"),
        ("dlfd matching_weight=-1", "matching_weight"),
        ("fintune", "finetune"),
    ],
)
def test_what_cannot_be_run_is_named(line: str, names: str) -> None:
    with pytest.raises(ConfigError, match=names):
        trials.read(line)


def test_the_table_has_the_spread_over_seeds_and_trained_models_without_one() -> None:
    of = dict.fromkeys(trials.COLUMNS.values(), 0.5)
    rows: list[trials.Row] = [
        {"trial": "original", "seed": 0, **of},
        {"trial": "dlfd", "seed": 0, **of, "calibrated_auc": 0.4, "seconds": 9.0},
        {"trial": "dlfd", "seed": 1, **of, "calibrated_auc": 0.6, "seconds": 11.0},
    ]
    *_, original, dlfd = trials.markdown(pd.DataFrame(rows), "Of some.").splitlines()
    assert original == "| original | .500 | .500 | .500 | .500 | .500 | .000 |  |"
    same = ".500 ± .000 | " * 4
    assert dlfd == f"| dlfd | {same}.500 ± .141 | .100 ± .000 | 10 |", "two sides of a half do not cancel"


@pytest.mark.parametrize("file", sorted(KEPT.glob("*.txt")), ids=lambda file: file.stem)
def test_a_kept_table_is_of_the_trials_and_figures_beside_it(file: Path) -> None:
    rows = pd.read_csv(file.with_suffix(".csv"))
    assert [trial for trial in rows["trial"].unique() if trial not in layout.TRAINED] == list(trials._lines(file))
    page = file.with_suffix(".md").read_text(encoding="utf-8")
    assert trials.markdown(rows, page.partition("\n")[0]) == page


def test_a_recipe_is_of_settings_data_and_code_and_of_no_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (SimpleNamespace(params=replace(Params(), seed=seed), data="synthetic") for seed in (0, 1))
    of: Any = trials.Judge.recipe
    assert of(here, "dlfd") == of(there, "dlfd")
    told = {of(here, trial) for trial in ("dlfd", "dlfd matching_weight=0.1", "finetune", "l1_sparse")}
    assert len(told) == 4
    longer = replace(here.params, train=replace(here.params.train, epochs=100))
    told |= {of(SimpleNamespace(params=longer, data="synthetic"), "dlfd")}
    told |= {of(SimpleNamespace(params=here.params, data="mufac"), "dlfd")}
    (tmp_path / "judge.py").write_text("other")
    with monkeypatch.context() as patch:
        patch.setattr(trials, "JUDGING", [tmp_path / "judge.py"])
        told |= {of(here, "dlfd")}
    monkeypatch.setattr(trials.searched, "code", lambda name: "other")
    told |= {of(here, "dlfd")}
    assert len(told) == 8, "each of these is another"


class Judging:
    """In place of `trials.Judge`: keeps what it was asked to run; `of` is the fingerprint of everything."""

    of, stops_at, seed = "now", -1, 0  # seed: of the checkout, and so of its original model
    settings = "9e99"  # a hash that could be read as a number

    def __init__(self) -> None:
        self.runs: list[tuple[str, int]] = []

    def __call__(self) -> Judging:
        return self

    def fingerprint(self, trial: str) -> str:
        return self.of

    def recipe(self, trial: str) -> str:
        return self.settings

    def run(self, trial: str, seed: int) -> trials.Row:
        if len(self.runs) == self.stops_at:
            raise KeyboardInterrupt
        self.runs.append((trial, seed))
        return {**dict.fromkeys(trials.COLUMNS.values(), 0.5), "seconds": None if trial in layout.TRAINED else 9.0}


@pytest.fixture
def judging(monkeypatch: pytest.MonkeyPatch) -> Judging:
    made = Judging()
    monkeypatch.setattr(trials, "Judge", made)
    return made


def test_what_is_done_is_not_run_again_unless_what_it_depends_on_changed(tmp_path: Path, judging: Judging) -> None:
    file = tmp_path / "some.txt"
    file.write_text("# Of one person.\nfinetune\n")
    trials.main(file, "0,1", [])
    assert judging.runs == [("original", 0), ("retrained", 0), ("finetune", 0), ("finetune", 1)]
    file.write_text("# Of one person.\ndlfd\nfinetune\n")
    trials.main(file, "0,1", [])
    assert judging.runs[4:] == [("dlfd", 0), ("dlfd", 1)]
    assert list(pd.read_csv(tmp_path / "some.csv")["trial"])[2:] == ["dlfd", "dlfd", "finetune", "finetune"]
    assert (tmp_path / "some.md").read_text().startswith("Of one person. `python -m benchmarks.trials ")
    judging.of = "after a change of params.yaml"
    trials.main(file, "0", [])
    assert judging.runs[6:] == [("original", 0), ("retrained", 0), ("dlfd", 0), ("finetune", 0)]
    assert set(pd.read_csv(tmp_path / "some.csv")["of"]) == {judging.of}, "no table mixes them"


def test_seeds_that_are_not_asked_for_stay_and_lines_that_are_gone_go(tmp_path: Path, judging: Judging) -> None:
    file = tmp_path / "some.txt"
    file.write_text("finetune\ndlfd\n")
    trials.main(file, "0,1", [])
    file.write_text("dlfd\n")
    trials.main(file, "0", [])
    kept = pd.read_csv(tmp_path / "some.csv")
    assert list(zip(kept["trial"], kept["seed"], strict=True))[2:] == [("dlfd", 0), ("dlfd", 1)]
    assert "finetune" not in (tmp_path / "some.md").read_text()
    assert len(judging.runs) == 6, "nothing is run again"


def test_a_stopped_run_keeps_its_rows(tmp_path: Path, judging: Judging) -> None:
    file = tmp_path / "some.txt"
    file.write_text("finetune\n")
    judging.stops_at = 3
    with pytest.raises(KeyboardInterrupt):
        trials.main(file, "0,1", [])
    judging.stops_at = -1
    trials.main(file, "0,1", [])
    assert judging.runs[3:] == [("finetune", 1)]


def test_trials_from_several_originals_are_one_table(tmp_path: Path, judging: Judging) -> None:
    here, there = tmp_path / "some.txt", tmp_path / "other/some.txt"
    there.parent.mkdir()
    for file in (here, there):
        file.write_text("finetune\n")
    judging.seed, judging.of = 1, "of the other"
    trials.main(there, "0", [])
    judging.seed, judging.of = 0, "now"
    for _ in range(2):  # again: nothing is run, nothing stands twice
        trials.main(here, "0", [there.with_suffix(".csv")])
        found = pd.read_csv(here.with_suffix(".csv"))
        assert found["trial"].tolist() == ["original"] * 2 + ["retrained"] * 2 + ["finetune"] * 2
        assert found["original"].tolist() == [0, 1] * 3
        assert "after the original models of seeds 0, 1" in here.with_suffix(".md").read_text()
    assert len(judging.runs) == 6
    both = pd.read_csv(here.with_suffix(".csv"))
    judging.seed, judging.of = 1, "of the other"
    trials.main(there, "0", [here.with_suffix(".csv")])
    assert pd.read_csv(there.with_suffix(".csv"))["of"].tolist() == both["of"].tolist(), "the same from the other side"
    judging.seed, judging.of = 0, "now"
    alone = tmp_path / "alone.csv"
    both[both["original"] == 0].to_csv(alone, index=False)
    with pytest.raises(ConfigError, match="no 'finetune' from an original of a seed other than 0"):
        trials.main(here, "0", [alone])
    judging.settings, judging.of = "another", "after a change of params.yaml"
    with pytest.raises(ConfigError, match="'original' ran there with other settings or code"):
        trials.main(here, "0", [there.with_suffix(".csv")])
    assert len(judging.runs) == 6, "before anything is run"


def test_what_is_missing_beside_is_named_before_anything_runs(tmp_path: Path, judging: Judging) -> None:
    file, other = tmp_path / "some.txt", tmp_path / "other.csv"
    file.write_text("finetune\ndlfd\n")
    with pytest.raises(ConfigError, match="no such file"):
        trials.main(file, "0", [other])
    pd.DataFrame({"trial": ["original", "retrained", "dlfd"], "original": 1}).to_csv(other, index=False)
    with pytest.raises(ConfigError, match="no 'finetune'"):
        trials.main(file, "0", [other])
    assert not judging.runs
