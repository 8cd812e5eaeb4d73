"""Stages that run in processes of their own, and what MLflow has of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import mlflow
from mlflow.entities import Run as MlflowRun

from pipeline.tracking import tracking_store

PROJECT = Path(__file__).parents[2]
VARIABLES = ("DVC_ROOT", "DVC_EXP_NAME", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "DLFD_TRACKING")
LIMITS = tuple(tracking_store.LIMITS)
OPEN_AND_WAIT = """
import sys, time
from pipeline.tracking import stage_runs
with stage_runs.stage_run(*sys.argv[1:3]) as run:
    run.log_epoch({"epoch": 0, "loss": 1.0})
    print(run.id, flush=True)
    time.sleep(float(sys.argv[3]))
"""


def runs(uri: str | None = None) -> list[MlflowRun]:
    client = mlflow.MlflowClient(uri or tracking_store.uri())
    found = client.get_experiment_by_name(tracking_store.EXPERIMENT)
    assert found is not None
    return list(client.search_runs([found.experiment_id], order_by=["attributes.start_time ASC"]))


def tree(name: str, uri: str | None = None) -> tuple[MlflowRun, list[MlflowRun]]:
    """The one parent of an execution, and its children, oldest first."""
    everything = runs(uri)
    (parent,) = [run for run in everything if run.data.tags.get("dvc.experiment") == name]
    return parent, [run for run in everything if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A process that opens a stage's run: stage, model, seconds to stay."""
    return subprocess.Popen(
        [sys.executable, "-c", OPEN_AND_WAIT, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
    )


def killed(*arguments: str) -> str:
    """Id of the run of a process that got a SIGKILL in the middle of its stage."""
    process = start(*arguments, "60")
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    process.send_signal(signal.SIGKILL)
    process.wait()
    return run_id
