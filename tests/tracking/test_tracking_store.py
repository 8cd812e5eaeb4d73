"""The connection to MLflow, on a real store and a real server: processes at once, what is lost, one error for each."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from mlflow_runs import PROJECT, VARIABLES, start, tree

from pipeline.errors import TrackingError
from pipeline.tracking import stage_runs, tracking_store


def test_processes_at_once_on_a_fresh_database(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    here = {"DVC_ROOT": str(tmp_path), "DVC_EXP_NAME": "together"}
    processes = [start("train", name, "0.2", **here) for name in ("a", "b", "c")]
    assert [process.wait() for process in processes] == [0, 0, 0]
    parent, children = tree("together", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert sorted(run.info.run_name for run in children) == ["train a", "train b", "train c"]
    assert {run.info.status for run in (parent, *children)} == {"FINISHED"}


def test_a_kill_while_the_database_is_made_leaves_none(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    here = {"DVC_ROOT": str(tmp_path), "DVC_EXP_NAME": "again"}
    process, deadline = start("split", "", "0", **here), time.monotonic() + 60
    while not any(path.stat().st_size for path in tmp_path.glob("mlflow.db*")):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (tmp_path / "mlflow.db").exists(), "MLflow could not use half a schema"
    assert start("split", "", "0", **here).wait() == 0
    assert sorted(path.name for path in tmp_path.glob("mlflow.db*")) == ["mlflow.db", "mlflow.db.lock"]


def test_an_unreachable_server_fails_fast_and_before_any_work(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    started, worked = time.perf_counter(), False
    with pytest.raises(TrackingError) as raised, stage_runs.stage_run("train", "original"):
        worked = True
    assert not worked
    assert time.perf_counter() - started < 5
    for word in ("http://127.0.0.1:9", "refused", "Start the server", "MLFLOW_TRACKING_URI", "DLFD_TRACKING=off"):
        assert word in str(raised.value)


def test_the_users_own_limits_are_kept(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "9")
    tracking_store.connect()
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "9"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == tracking_store.LIMITS["MLFLOW_HTTP_REQUEST_TIMEOUT"]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A real tracking server, and this process pointed to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}", "--artifacts-destination", str(tmp_path)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    try:
        _wait_for(tracking_store.connect)
        yield process
    finally:
        kill_server(process)


def kill_server(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_server_lost_in_the_middle(experiment: str, server: subprocess.Popen[bytes]) -> None:
    with stage_runs.stage_run("split") as run:
        run.log_metrics({"images.retain": 5})
    parent, (child,) = tree(experiment)
    assert (parent.info.status, child.data.metrics) == ("FINISHED", {"images.retain": 5})
    lost = stage_whose_server_is_lost(server)
    with pytest.raises(TrackingError, match=r"127\.0\.0\.1:\d+ cannot be used"):
        lost()


def stage_whose_server_is_lost(server: subprocess.Popen[bytes]) -> Callable[[], None]:
    def stage() -> None:
        with stage_runs.stage_run("train", "original") as run:
            kill_server(server)
            run.log_epoch({"epoch": 0, "loss": 1.0})

    return stage


def _wait_for(function: Callable[[], object], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            function()
            return
        except TrackingError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_a_database_that_cannot_be_opened(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "broken.db").write_text("this is no database, but it is long enough to be looked at" * 20)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{checkout / 'broken.db'}")
    with pytest.raises(TrackingError, match="not a database"), stage_runs.stage_run("split"):
        pass
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{checkout / 'params.yaml' / 'x.db'}")
    with pytest.raises(TrackingError, match=r"params\.yaml/x\.db"), stage_runs.stage_run("split"):
        pass


def test_a_database_without_its_driver(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://somebody@nowhere/mlflow")
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(TrackingError, match="install the driver"), stage_runs.stage_run("split"):
        pass


def test_a_lock_held_for_too_long(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking_store, "LOCK_SECONDS", 0.2)
    with FileLock(checkout / "mlflow.db.lock"), pytest.raises(TrackingError, match=r"mlflow\.db\.lock"):
        tracking_store.connect().call(lambda: None)


def test_a_full_disk_is_not_blamed_on_mlflow(checkout: Path) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "mlartifacts/x")

    with pytest.raises(OSError, match="No space left"):
        tracking_store.connect().call(full)


def test_an_error_of_the_database_is_told_once(tmp_path: Path) -> None:
    """MLflow logs it with a traceback before it raises it: that would be all that one sees of a full disk."""
    code = """
import sqlite3
from pipeline.tracking import tracking_store
from pipeline.errors import TrackingError
store = tracking_store.connect()
run = store.call(lambda: store.client.create_run(store.experiment))
with sqlite3.connect("mlflow.db") as database:
    database.execute("DROP TABLE tags")
try:
    store.call(lambda: store.client.set_tag(run.info.run_id, "a", "b"))
except TrackingError as error:
    print("told:", error)
"""
    (tmp_path / ".dvc").mkdir()
    environment = {**{k: v for k, v in os.environ.items() if k not in VARIABLES}, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "told:" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_bug_keeps_its_own_error(checkout: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        tracking_store.connect().call(lambda: 1 / 0)
