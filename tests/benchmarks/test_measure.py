"""Records tell where they are from, a quick look takes no record's place, and bad options get one message."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmarks import (
    __main__,
    dlfd_pass,
    dlfd_step,
    evaluation,
    measure,
    pipeline,
    rounds,
    serving,
    training,
    transport,
)

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where records go in this test; scratch is beside it."""
    monkeypatch.setattr(measure, "SCRATCH", tmp_path / "scratch")
    monkeypatch.setattr(measure, "RESULTS", tmp_path / "results")
    return tmp_path


def test_a_record_tells_machine_command_commit_and_repeats(
    records: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tried"])
    monkeypatch.setattr(sys, "orig_argv", ["/usr/bin/python3.11", "-m", "benchmarks.tried"])
    monkeypatch.setattr(measure, "commit", lambda: "4f1c0d2e9a31")
    rows = [{"what": "x", "s": measure.summary([1.0, 3.0, 2.0])}, {"what": "y", "other": 1}]
    measure.report("tried", CPU, rows, repeats=3, goal="2 s")
    told = json.loads((records / "results/tried-cpu.json").read_text(encoding="utf-8"))
    assert told["rows"] == rows
    assert told["machine"]["torch"] == torch.__version__
    assert told["goal"] == "2 s"
    assert told["measured"].pop("date")[:2] == "20"
    assert told["measured"] == {"commit": "4f1c0d2e9a31", "command": "python -m benchmarks.tried", "repeats": 3}
    shown = capsys.readouterr().out
    assert "2 [1, 3]" in shown
    assert "4f1c0d2e9a31" in shown


@pytest.mark.parametrize("record", sorted((ROOT / "benchmarks/results").glob("*.json")), ids=lambda path: path.name)
def test_every_kept_record_names_its_commit_and_command(record: Path) -> None:
    measured = json.loads(record.read_text(encoding="utf-8"))["measured"]
    assert re.match(r"[0-9a-f]{12}( with changes( in params.yaml)?)?$", measured["commit"]), "of code that git has"
    assert "benchmarks" in measured["command"]


def test_with_options_a_run_leaves_the_record_alone(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tried", "--repeats", "1"])
    measure.report("tried", CPU, [{"what": "x"}], repeats=1)
    assert [path.relative_to(records).as_posix() for path in records.rglob("*.json")] == ["scratch/tried-cpu.json"]


def test_the_commit_says_whether_the_code_was_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x", *words], cwd=tmp_path, check=True)

    monkeypatch.setattr(measure, "RESULTS", tmp_path / "benchmarks" / "results")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    assert measure.commit() == "none"
    (tmp_path / "benchmarks" / "timed.py").write_text("")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    (tmp_path / "benchmarks" / "results" / "x.json").write_text("{}")  # what the benchmark before has written
    clean = measure.commit()
    assert len(clean) == 12
    (tmp_path / "benchmarks" / "timed.py").write_text("changed")
    assert measure.commit() == f"{clean} with changes in benchmarks/timed.py"
    (tmp_path / "params.yaml").write_text("seed: 1")
    assert measure.commit() == f"{clean} with changes in benchmarks/timed.py, params.yaml"


@pytest.mark.parametrize("module", [dlfd_pass, dlfd_step, evaluation, pipeline, serving, training, transport])
def test_nothing_is_measured_no_times(module: Any) -> None:
    app = typer.Typer()
    app.command()(module.main)
    told = CliRunner().invoke(app, ["--repeats", "0"])
    assert told.exit_code == 2
    assert "--repeats" in told.output


def test_a_folder_that_is_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(measure.BenchmarkError, match=str(tmp_path)):
        pipeline.main(folder=tmp_path)


def test_a_failed_command_of_a_clone_is_told(tmp_path: Path) -> None:
    with pytest.raises(measure.BenchmarkError, match="no such thing"):
        rounds._command(tmp_path, sys.executable, "-c", "raise SystemExit('no such thing')")


def test_one_that_fails_does_not_keep_the_next_from_running(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(__main__, "ALL", ("gone", "measure"))  # the second defines functions and ends well
    with pytest.raises(typer.Exit) as ended:
        __main__.main()
    assert ended.value.exit_code == 1
    told = capsys.readouterr()
    assert "-m benchmarks.measure" in told.out
    assert "error: gone failed" in told.err


@pytest.mark.parametrize("name", __main__.ALL)
def test_all_benchmarks_run_without_arguments(name: str) -> None:
    main = import_module(f"benchmarks.{name}").main
    assert all(one.default is not one.empty for one in inspect.signature(main).parameters.values())


BARE = """
import sys
for name in "ot ruamel pydantic yaml mlflow dvc great_expectations altair tqdm jinja2 pyarrow safetensors".split():
    sys.modules[name] = None  # as if it were not installed
import torch
from benchmarks import dlfd_pass, dlfd_step, growth, inputs, serving, training, transport
transport.main()
print(inputs.exact_transport())
from pipeline.learning.transport import plan
print(plan(torch.eye(3), "emd", 0.0).sum().item())
print(*(case.name for case in dlfd_pass.cases()), sep="; ")
"""


def test_a_bare_gpu_machine_is_enough() -> None:
    done = subprocess.run([sys.executable, "-c", BARE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    skipped, who, mass, cases = done.stdout.splitlines()
    assert "skipped" in skipped
    assert "SciPy" in who
    assert float(mass) == pytest.approx(1)
    assert "defaults of the code" in cases
