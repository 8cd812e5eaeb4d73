"""Parts of a stage's time: each is what it adds, turn by turn, and together they are the whole."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from benchmarks import measure, stage_time


def test_parts_are_what_each_way_adds_and_sum_to_the_whole() -> None:
    ways = {"process and imports": [2.0, 4.0], "work": [5.0, 7.0], "MLflow": [6.0, 9.0], "DVC": [10.0, 12.0]}
    *rows, whole = stage_time.parts(ways)
    assert [row["part"] for row in rows] == list(stage_time.ADDED)
    assert [row["s"]["median"] for row in rows] == [3.0, 3.0, 1.5, 3.5]
    assert sum(row["s"]["median"] for row in rows) == pytest.approx(whole["s"]["median"])
    assert rows[0]["share"] == {"median": pytest.approx(4 / 15), "low": 0.2, "high": pytest.approx(1 / 3)}


def test_each_way_adds_one_thing_to_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bool, tuple[str, ...]]] = []

    def run(*command: str, environment: Mapping[str, str] | None = None) -> Callable[[], None]:
        asked.append(((environment or os.environ).get("DLFD_TRACKING") == "off", command))
        return lambda: None

    monkeypatch.delenv("DLFD_TRACKING", raising=False)
    monkeypatch.setattr(stage_time, "_run", run)
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["stage_time"])
    stage_time.main(repeats=2)
    (start, work, tracked, by_dvc, *_) = asked
    assert start[0]
    assert (work[0], tracked[0]) == (True, False)
    assert work[1] == tracked[1] == (sys.executable, "-m", "stages.evaluate", "--model", "dlfd")
    assert by_dvc[1] == ("dvc", "repro", "--force", "--single-item", "evaluate@dlfd")
    (record,) = tmp_path.glob("stage_time-*.json")
    assert [row["part"] for row in json.loads(record.read_text())["rows"]][:4] == list(stage_time.ADDED)


def test_a_command_that_fails_ends_it() -> None:
    with pytest.raises(measure.BenchmarkError, match="no such thing"):
        stage_time._run(sys.executable, "-c", "raise SystemExit('no such thing')")()
