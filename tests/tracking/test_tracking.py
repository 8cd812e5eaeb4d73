"""What stages tell MLflow: a true tree of runs, on a real SQLite store and a real server."""

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

import mlflow
import pandas as pd
import pytest
import typer
from filelock import FileLock
from mlflow.entities import Run as MlflowRun

from pipeline.errors import TrackingError
from pipeline.tracking import run_tree, stage_runs, tracking_store

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


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout with an MLflow database of its own, as the working folder."""
    folder = tmp_path_factory.mktemp("checkout")
    with pytest.MonkeyPatch.context() as patch:
        for name in (*VARIABLES, *LIMITS):
            patch.delenv(name, raising=False)
        patch.chdir(folder)
        (folder / ".dvc").mkdir()
        (folder / "params.yaml").write_text("seed: 3\nsplit: {forget_persons: [p1, p2]}\n")
        yield folder
        for name in LIMITS:
            os.environ.pop(name, None)


@pytest.fixture
def experiment(checkout: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """An execution of the pipeline that belongs to this test alone."""
    name = request.node.name
    monkeypatch.setenv("DVC_EXP_NAME", name)
    return name


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


def test_a_stage_is_a_child_of_the_pipelines_run(experiment: str, tmp_path: Path) -> None:
    artifact = tmp_path / "table.csv"
    artifact.write_text("a\n1\n")
    frame = pd.DataFrame({"person": ["p1", "p2"], "label": [0, 1]})
    with stage_runs.stage_run("unlearn", "dlfd", params={"seed": 0, "dlfd": {"ot_weight": 2.0}}, tags={"k": 1}) as run:
        run.log_metrics({"seconds": 1.5})
        run.log_artifact(artifact)
        run.log_artifacts(tmp_path, "folder")
        run.log_dataset(frame, "splits", context="training", targets="label")
        run.set_tags({"status": "finished", "note": ""})
    parent, (child,) = tree(experiment)
    assert parent.info.run_name == experiment
    assert parent.data.params == {"seed": "3", "split.forget_persons": "2 person(s)"}
    assert (parent.info.status, child.info.status) == ("FINISHED", "FINISHED")
    assert child.info.run_id == run.id
    assert child.info.run_name == "unlearn dlfd"
    assert child.data.params == {"seed": "0", "dlfd.ot_weight": "2.0"}
    assert child.data.metrics == {"seconds": 1.5}
    expected = {"stage": "unlearn", "model": "dlfd", "superseded": "false", "k": "1", "status": "finished"}
    assert expected.items() <= child.data.tags.items()
    (used,) = child.inputs.dataset_inputs
    assert used.dataset.name == "splits"
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]
    assert "p1" not in used.dataset.to_dictionary().__repr__(), "a person's key does not leave the checkout"


def test_words_about_the_execution_are_the_parents(experiment: str) -> None:
    with stage_runs.stage_run("compare") as run:
        run.tag_execution({"accepted": "dlfd"})
        assert run.page_of("report.html").endswith(f"/runs/{run.id}/artifacts/report.html")
    parent, (child,) = tree(experiment)
    assert (parent.data.tags["accepted"], parent.data.tags["stage"]) == ("dlfd", "pipeline")
    assert "accepted" not in child.data.tags
    assert "report.html" in child.data.tags["mlflow.note.content"]


def test_artifacts_lie_in_the_checkout(checkout: Path, experiment: str, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    with stage_runs.stage_run("compare") as run:
        run.log_artifact(tmp_path / "x.txt", "texts")
    assert list((checkout / "mlartifacts").rglob(f"{run.id}/artifacts/texts/x.txt"))


def test_epochs_and_steps_become_curves(experiment: str) -> None:
    with stage_runs.stage_run("train", "original") as run:
        run.log_epochs([{"epoch": e, "loss": 1 / (e + 1), "phase": "text is left out"} for e in range(3)])
        run.log_epoch({"epoch": 3, "loss": 0.1})
        run.log_history([{"step": s, "ot": float(s), "ce": 0.0} for s in range(1200)])
    assert run.id is not None
    client = mlflow.MlflowClient(tracking_store.uri())
    loss = client.get_metric_history(run.id, "loss")
    assert [(m.step, m.value) for m in loss] == [(0, 1), (1, 0.5), (2, pytest.approx(1 / 3)), (3, 0.1)]
    assert len(client.get_metric_history(run.id, "ot")) == 1200
    assert set(client.get_run(run.id).data.metrics) == {"loss", "ot", "ce"}


def test_a_failed_stage_is_recorded_with_its_reason(experiment: str) -> None:
    with pytest.raises(ValueError, match="no face"), stage_runs.stage_run("download"):
        raise ValueError("no face in sight\nand a second line")
    parent, (child,) = tree(experiment)
    assert (parent.info.status, child.info.status) == ("FAILED", "FAILED")
    assert child.data.tags["error"] == "no face in sight"


@pytest.mark.parametrize(
    ("error", "status"), [(typer.Exit(0), "FINISHED"), (typer.Exit(1), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_how_a_stage_leaves(experiment: str, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), stage_runs.stage_run("validate"):
        raise error
    assert tree(experiment)[1][0].info.status == status


def test_the_newest_run_of_a_stage_counts(experiment: str) -> None:
    with pytest.raises(ValueError, match="first"), stage_runs.stage_run("train", "original"):
        raise ValueError("first try")
    with stage_runs.stage_run("train", "retrained"):
        pass
    with stage_runs.stage_run("train", "original"):
        assert tree(experiment)[0].info.status == "RUNNING"
    parent, (first, other, second) = tree(experiment)
    assert [run.data.tags["superseded"] for run in (first, other, second)] == ["true", "false", "false"]
    assert parent.info.status == "FINISHED", "the failed try no longer counts"


def test_what_a_killed_stage_left_is_cleared_up(experiment: str) -> None:
    left = killed("train", "original")
    assert {run.info.run_id: run.info.status for run in runs()}[left] == "RUNNING"
    with stage_runs.stage_run("train", "original"):
        pass
    parent, (dead, done) = tree(experiment)
    assert (dead.info.run_id, dead.info.status) == (left, "KILLED")
    assert (dead.data.tags["superseded"], dead.data.tags["error"]) == ("true", "the process was killed")
    assert (done.info.status, parent.info.status) == ("FINISHED", "FINISHED")


def test_it_is_cleared_up_by_another_execution_too(experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left = killed("unlearn", "dlfd")
    monkeypatch.setenv("DVC_EXP_NAME", f"{experiment} after a change of params.yaml")
    with stage_runs.stage_run("split"):
        pass
    parent, (dead,) = tree(experiment)
    assert (dead.info.run_id, dead.info.status, parent.info.status) == (left, "KILLED", "FAILED")


def test_a_stage_that_runs_is_not_taken_for_dead(experiment: str) -> None:
    process = start("train", "original", "60")
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    try:
        with stage_runs.stage_run("train", "retrained"):
            pass
        parent, children = tree(experiment)
        assert {run.info.run_id: run.info.status for run in children}[run_id] == "RUNNING"
        assert parent.info.status == "RUNNING"
    finally:
        process.kill()
        process.wait()


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


def test_another_checkout_has_a_parent_of_its_own(
    experiment: str, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_store.uri())
    with stage_runs.stage_run("split"):
        pass
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with stage_runs.stage_run("split"):
        pass
    parents = [run for run in runs() if run.data.tags.get("dvc.experiment") == experiment]
    assert len(parents) == 2


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


def test_off_logs_nothing_and_imports_nothing(tmp_path: Path) -> None:
    code = """
import sys, pandas
from pathlib import Path
from pipeline.tracking import stage_runs
with stage_runs.stage_run("train", "original", params={"a": 1}) as run:
    run.log_metrics({"a": 1}); run.log_epoch({"epoch": 0}); run.log_epochs([]); run.log_history([])
    run.log_artifact(Path("x")); run.log_artifacts(Path("x"), "x"); run.set_tags({"a": 1})
    run.log_dataset(pandas.DataFrame(), "splits", context="training", targets="label")
    assert run.id is None
assert "mlflow" not in sys.modules
assert "torch" not in sys.modules
"""
    environment = {**os.environ, "DLFD_TRACKING": "off", "PYTHONPATH": str(PROJECT)}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    assert list(tmp_path.iterdir()) == []


def test_long_values_and_nested_parameters() -> None:
    assert run_tree.flatten({"a": {"b": {"c": 1}}, "d": [1]}) == {"a.b.c": 1, "d": [1]}
    assert run_tree.text([1, "x"]) == "1, x"
    assert len(run_tree.text("x" * 100_000)) < 6000


def test_the_revision_says_where_the_code_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert run_tree.revision() == ""
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline/a.py").write_text("a = 1\n")
    (tmp_path / "dvc.lock").write_text("1\n")
    who = ["-c", "user.name=x", "-c", "user.email=x@y.z"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", *command], check=True)
    head = run_tree.revision()
    assert len(head) == 40
    (tmp_path / "dvc.lock").write_text("2\n")
    assert run_tree.revision() == head
    (tmp_path / "pipeline/a.py").write_text("a = 2\n")
    assert run_tree.revision() == f"{head}-dirty"
