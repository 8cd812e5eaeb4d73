"""What stages tell MLflow: a true tree of runs, on a real SQLite store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import typer
from mlflow_runs import PROJECT, killed, runs, start, tree

from pipeline.tracking import stage_runs, tracking_store


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
