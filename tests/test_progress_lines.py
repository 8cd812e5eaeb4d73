"""What a stage says of its progress: to a terminal (a real one, of the system's), and to a log."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from helpers import make_faces, make_model

from pipeline import progress as module
from pipeline.data import archives
from pipeline.evaluation import relearn, samples
from pipeline.learning import training
from pipeline.progress import progress
from pipeline.settings import TrainSettings


class Clock:
    """In place of the module `time`."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def work(clock: Clock, steps: int, seconds: float, **options: int) -> None:
    with progress("training original", 100, "images", **options) as advance:
        for _ in range(steps):
            clock.now += seconds
            advance(10)


def test_a_log_gets_a_line_now_and_then(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    work(clock, steps=10, seconds=4)
    assert capsys.readouterr().err.splitlines() == [
        "training original: 30/100 images, 2.5 images/s, 28 s left",
        "training original: 60/100 images, 2.5 images/s, 16 s left",
        "training original: 90/100 images, 2.5 images/s, 4 s left",
        "training original: 100/100 images in 40 s, 2.5 images/s",
    ]


def test_what_takes_no_time_takes_no_line(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    work(clock, steps=10, seconds=0.1)
    assert capsys.readouterr().err == ""


def test_work_that_ends_early_says_where(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    work(clock, steps=4, seconds=1)
    assert capsys.readouterr().err == "training original: 40/100 images in 4 s, 10 images/s\n"


def test_what_a_killed_run_did_counts_for_how_far_and_not_for_how_fast(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    work(clock, steps=1, seconds=10, done=50)
    assert capsys.readouterr().err.startswith("training original: 60/100 images, 1 images/s, 40 s left\n")


def test_hours_are_told_as_a_clock_does(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    work(clock, steps=1, seconds=400)
    assert "1:00:00 left" in capsys.readouterr().err


def test_an_error_is_not_followed_by_a_line(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with progress("training", 10, "images"):
            clock.now += 60
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert capsys.readouterr().err == ""


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_EVERY", 0)
    monkeypatch.setattr(module, "WORTH_A_LINE", 0)


@pytest.mark.usefixtures("talkative")
def test_long_stages_say_what_they_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = tmp_path / "faces.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.jpg", bytes(1_500_000))
    archives.unpack(packed, tmp_path / "out")
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("unpacking faces.zip: 1/4 MB, ")
    assert told[-1].startswith("unpacking faces.zip: 4/4 MB in ")

    model, faces = make_model(), make_faces(40)
    splits = pd.DataFrame({"image": range(40), "unit": "p"})
    samples.per_sample(model, {"forget": faces}, splits, "evaluating dlfd")
    assert capsys.readouterr().err.splitlines()[-1].startswith("evaluating dlfd: 40/40 images in ")

    quick = TrainSettings(epochs=2, batch_size=16)
    relearn.relearn_steps(model, faces, -1.0, quick, limit=6, seed=0)
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("relearning the forget set: 0/6 steps, ")
    assert "wanted -1.000" in told[-1]

    training.fit(model, faces, quick, seed=0, validation=faces)
    told = capsys.readouterr().err.splitlines()
    assert "epoch 1: loss" in "".join(told[:-1])
    assert "epoch 2: loss" in told[-1]
    assert "validation accuracy" in told[-1]


@pytest.mark.usefixtures("talkative")
def test_a_resumed_training_counts_what_is_done_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, faces, checkpoint = make_model(), make_faces(40), training.Checkpoint(tmp_path / "model.pt", "mine")
    training.fit(model, faces, TrainSettings(epochs=1, batch_size=40), seed=0, checkpoint=checkpoint)
    capsys.readouterr()
    training.fit(model, faces, TrainSettings(epochs=2, batch_size=40), seed=0, checkpoint=checkpoint)
    assert "training: 80/80 images in" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "bar"), [("xterm", True), ("dumb", False)])
def test_a_terminal_gets_a_bar(kind: str, bar: bool) -> None:
    """In a real pseudo-terminal, 100 columns wide; one that cannot go back gets lines."""
    code = (
        "import time\nfrom pipeline import progress\nprogress.WORTH_A_LINE = 0\n"
        "with progress.progress('unlearning with dlfd', 400, 'images') as advance:\n"
        "    for _ in range(4):\n        advance(100)\n        time.sleep(.15)\n"
    )
    ours, theirs = pty.openpty()
    variables = {**os.environ, "TERM": kind, "COLUMNS": "100", "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], stderr=theirs, env=variables, check=True)
    os.close(theirs)
    told = os.read(ours, 100_000).decode()
    os.close(ours)
    assert ("\x1b[" in told) == bar
    assert "unlearning with dlfd" in told
    assert "400/400" in told
    assert re.search(r"images/s", told)
    assert ("left" in told) == bar
