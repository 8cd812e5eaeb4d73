"""What benchmarks compare does the same; their times are no matter of tests."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import make_model

from benchmarks import clones, measure, pipeline, rounds, serving, training
from stages.dvc_tools import experiments

CPU = torch.device("cpu")


def test_functions_take_turns() -> None:
    called: list[str] = []
    functions = {name: lambda name=name: called.append(name) for name in "ab"}
    taken = measure.interleaved(functions, 3, CPU, warm_up=1)  # type: ignore[arg-type]
    assert called == ["a", "b"] * 4
    assert {name: len(seconds) for name, seconds in taken.items()} == {"a": 3, "b": 3}


def test_a_ratio_is_taken_turn_by_turn() -> None:
    assert measure.ratio([2.0, 20.0, 4.0], [1.0, 10.0, 1.0]) == {"median": 2.0, "low": 2.0, "high": 4.0}


def test_numbers_of_an_option_are_whole_ones_or_an_error() -> None:
    assert measure.numbers("0, 2", "--seeds") == [0, 2]
    for words in ("0,x", "", "-1", "1,", "²", "0,00"):
        with pytest.raises(measure.BenchmarkError, match=r"--seeds .*whole numbers of 0 or more"):
            measure.numbers(words, "--seeds")


def test_code_is_told_apart_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "RESULTS", tmp_path / "benchmarks" / "results")
    (tmp_path / "pipeline" / "data").mkdir(parents=True)
    (tmp_path / "params.yaml").write_text("seed: 0")
    (tmp_path / "pipeline" / "one.py").write_text("1")
    (tmp_path / "pipeline" / "data" / "two.py").write_text("2")
    first = measure.code()
    assert measure.code() == first
    (tmp_path / "README.md").write_text("words")
    assert measure.code() == first
    for name in ("pipeline/data/two.py", "params.yaml"):
        before = measure.code()
        (tmp_path / name).write_text("3")
        assert measure.code() != before


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
    assert rounds.chain(tmp_path, "dlfd", rounds=1, persons=5) == done[:1], "as many as were asked for"


def test_rounds_begun_with_something_else_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clones, "clone", lambda root: root.mkdir())
    asked = {"persons": 20, "set": [], "code": "a"}
    rounds.begin(tmp_path / "dlfd", asked)
    rounds.begin(tmp_path / "dlfd", asked)
    for name, value in {"persons": 5, "set": ["train.epochs=2"], "code": "b"}.items():
        with pytest.raises(measure.BenchmarkError, match=f"begun with {name} .*another --folder"):
            rounds.begin(tmp_path / "dlfd", {**asked, name: value})
    (tmp_path / "older").mkdir()
    with pytest.raises(measure.BenchmarkError, match="begun with persons None, not 20"):
        rounds.begin(tmp_path / "older", asked)


def test_the_code_of_a_clone_is_what_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def commit() -> None:
        for words in (["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "x"]):
            experiments.git(*words)

    monkeypatch.chdir(tmp_path)
    experiments.git("init", "-q")
    folders = [Path(folder, "one") for folder in ("pipeline", "stages", "datasets")]
    files = [*folders, *map(Path, ("params.yaml", "dvc.yaml", "data.dvc", "README.md"))]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text("1")
    commit()
    for file in files:
        before = clones.code()
        file.write_text("2")
        assert clones.code() == before, "a clone would not have it"
        commit()
        assert (clones.code() == before) == (file.name == "README.md")


def test_more_persons_than_were_learned_cannot_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workspace/splits").mkdir(parents=True)
    (tmp_path / "erasure").mkdir()
    (tmp_path / "erasure/round.json").write_text('{"model": null}')
    (tmp_path / "params.yaml").write_text("unlearn:\n  start_from: original\n")
    (tmp_path / "requests.csv").write_text("person,reason\n")
    sides = [f"p{number},{'retain' if number % 3 else 'validation'}" for number in range(9)]
    (tmp_path / "workspace/splits/sides.csv").write_text("\n".join(["person,side", *sides]))
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(rounds, "_command", lambda root, *command: asked.append(command))
    with pytest.raises(measure.BenchmarkError, match="4 rounds of 2 persons: 6 were learned"):
        rounds._ask(tmp_path, 1, 4, 2)
    asked.clear()
    for number in (1, 2, 3):
        rounds._ask(tmp_path, number, 3, 2)
    who = [person for command in asked if command[:3] == ("dlfd", "request", "add") for person in command[3:-2]]
    assert sorted(who) == ["p1", "p2", "p4", "p5", "p7", "p8"], "each once, whatever the round"
