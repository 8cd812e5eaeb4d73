"""What benchmarks compare does the same; their times are no matter of tests."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import make_model

from benchmarks import clones, measure, pipeline, rounds, serving, training

CPU = torch.device("cpu")


def test_functions_take_turns() -> None:
    called: list[str] = []
    functions = {name: lambda name=name: called.append(name) for name in "ab"}
    taken = measure.interleaved(functions, 3, CPU, warm_up=1)  # type: ignore[arg-type]
    assert called == ["a", "b"] * 4
    assert {name: len(seconds) for name, seconds in taken.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_taken_turn_by_turn() -> None:
    assert measure.ratio([2.0, 20.0, 4.0], [1.0, 10.0, 1.0]) == {"median": 2.0, "low": 2.0, "high": 4.0}


def test_serving_is_measured_on_pictures_that_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "folder", lambda: tmp_path)
    monkeypatch.setattr(serving, "SIZES", ((40, "small"),))
    serving.main(image_size=32, pictures=4, requests=2, repeats=1, http=False)
    (file,) = tmp_path.iterdir()
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert [row["part"] for row in rows] == ["decode, one thread", "forward", "both", "one, pyfunc"]
    assert all(row["images/s"]["median"] > 0 for row in rows[:3])
    assert 0 < rows[3]["p50_ms"] <= rows[3]["p95_ms"]
    (answer,) = serving.prediction.Predictor(make_model(), {"classes": "abc", "image_size": 16}).answers(
        [serving.jpeg(40)]
    )
    assert answer.error is None


def test_an_epoch_of_each_way_of_training_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "folder", lambda: tmp_path)
    training.main(repeats=1, images=64, image_size=16, batch_size=32, workers=0)
    (file,) = tmp_path.iterdir()
    rows = {row["what"]: row for row in json.loads(file.read_text(encoding="utf-8"))["rows"]}
    assert set(rows) == {"ours", "ceiling", "recipe", "recipe's pictures"}
    assert rows["recipe"]["times the recipe"]["median"] == rows["ceiling"]["share of the ceiling"]["median"] == 1


def test_every_stage_is_timed() -> None:
    files = {path.stem for path in Path("stages").glob("*.py")}
    assert set(pipeline.stage_names()) == files - {"__init__", "common"}


@pytest.mark.parametrize("stage", pipeline.stage_names())
def test_the_start_up_of_a_stage_has_what_it_imports_when_it_runs(stage: str) -> None:
    code = pipeline.start_up(stage)
    compile(code, stage, "exec")
    work = code.partition("def main")[2]
    assert ("pipeline.report import charts" in work) == (stage == "compare")
    assert ("pipeline.jobs.unlearn import" in work) == (stage == "unlearn")
    assert ("great_expectations" in work) == (stage == "validate")
    assert ("stage_run(" in work) == (stage != "settings")


def test_percentiles_are_of_the_calls_after_the_first_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    took, now = iter([9.0] * 5 + [0.001] * 18 + [0.03] * 2), [0.0]  # seconds of each call; of the clock

    def call() -> None:
        now[0] += next(took)

    monkeypatch.setattr(serving, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    found = serving.percentiles(call, 20)
    assert found == {"p50_ms": pytest.approx(1), "p95_ms": pytest.approx(30)}


def test_rounds_change_one_knob_and_leave_the_rest_of_the_file(tmp_path: Path) -> None:
    text = "seed: 0  # of everything\nunlearn:  # how\n  methods: [dlfd]\n"
    (tmp_path / "params.yaml").write_text(text)
    clones.configure(tmp_path, {"unlearn.methods": ["scrub"], "seed": 3})
    assert (tmp_path / "params.yaml").read_text() == text.replace("[dlfd]", "[scrub]").replace(": 0 ", ": 3 ")


def test_a_table_of_rounds_has_a_row_a_round(tmp_path: Path) -> None:
    rows = [{"method": "dlfd", "round": 1, "auc": 0.5123, "seconds": 12.34, "earlier_auc": ""}, {"method": "dlfd"}]
    lines = rounds.markdown(rows).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + len(rows)
    assert len({line.count("|") for line in table}) == 1
    assert "| dlfd | 1 |" in table[2]
    assert "0.512" in table[2]
    assert "| 12 |" in table[2]


def test_rounds_that_are_done_are_not_run_again(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    done = [{"method": "dlfd", "round": number} for number in (1, 2)]
    (tmp_path / "local" / "rounds.json").write_text(json.dumps(done))
    assert rounds.chain(tmp_path, "dlfd", rounds=2, persons=5) == done
