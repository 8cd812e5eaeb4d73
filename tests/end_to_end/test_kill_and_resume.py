"""A `dvc repro` killed in the middle of a training goes on where it stood and ends where it would have ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from checkouts import Checkout, Done

pytestmark = pytest.mark.end_to_end
EPOCHS = 16
STAGES = ("train@original",)
CHECKPOINT = Path("workspace/checkpoints/original.pt")


@pytest.fixture(scope="module")
def undisturbed(copied: Callable[..., Checkout]) -> Checkout:
    checkout = copied("mlartifacts")
    checkout.set(train__epochs=EPOCHS)
    checkout.dvc("repro", *STAGES)
    return checkout


@pytest.fixture(scope="module")
def killed(copied: Callable[..., Checkout]) -> Checkout:
    """A clone whose `dvc repro` and all it had started got a SIGKILL after the first checkpoint."""
    checkout = copied("mlartifacts")
    checkout.set(train__epochs=EPOCHS)
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", *STAGES],
        cwd=checkout.root,
        env=checkout.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (checkout.root / CHECKPOINT).exists():
        assert process.poll() is None, "it ended before its first checkpoint"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert (checkout.root / CHECKPOINT).exists(), "it was killed in the middle, not after the end"
    return checkout


@pytest.fixture(scope="module")
def left_behind(killed: Checkout) -> list[str]:
    """Names of the MLflow runs that say RUNNING after the kill."""
    return [run.info.run_name for run in killed.mlflow_runs()[1] if run.info.status == "RUNNING"]


@pytest.fixture(scope="module")
def resumed(killed: Checkout, left_behind: list[str]) -> Done:
    return killed.dvc("repro", *STAGES)


def test_it_says_that_it_resumes(resumed: Done) -> None:
    assert resumed.stages == list(STAGES)
    assert "resuming after epoch " in resumed.err


def test_the_end_is_that_of_an_undisturbed_run(killed: Checkout, resumed: Done, undisturbed: Checkout) -> None:
    assert killed.weights("original") == undisturbed.weights("original")
    pd.testing.assert_frame_equal(history(killed), history(undisturbed))
    assert len(history(killed)) == EPOCHS
    assert not (killed.root / CHECKPOINT).exists()


def test_no_run_stays_running_in_mlflow(killed: Checkout, left_behind: list[str], resumed: Done) -> None:
    assert left_behind == ["train original"]
    parents, children = killed.mlflow_runs()
    assert "RUNNING" not in {run.info.status for run in [*parents, *children]}
    (dead,) = [run for run in children if run.info.status == "KILLED"]
    assert (dead.info.run_name, dead.data.tags["superseded"]) == ("train original", "true")
    assert parents[-1].info.status == "FINISHED"
    newest = [run for run in children if run.info.run_name == "train original"][-1]
    curve = killed.mlflow.get_metric_history(newest.info.run_id, "loss")
    assert [point.step for point in curve] == list(range(EPOCHS)), "the epochs before the kill are in the curve"


def history(checkout: Checkout) -> pd.DataFrame:
    return pd.read_csv(checkout.root / "workspace/models/original/history.csv").drop(columns="seconds")
