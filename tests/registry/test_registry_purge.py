"""What MLflow has of the erased, and that it is gone from rows and disk: on a real registry in SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest
import registry_checkout as tiny
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from pipeline import layout
from pipeline.errors import RegistryError, TrackingError
from pipeline.registry import starting_point, version_purge, versions
from pipeline.tracking import stage_runs, tracking_store


@pytest.fixture
def filled(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two versions, a run with a picture, one that was deleted, and the folder of a model without a row."""
    tiny.fill(checkout, monkeypatch)
    with stage_runs.stage_run("train") as run:
        for name in ("picture.png", "report.html", "kept.json"):
            Path(name).write_text(name)
            run.log_artifact(Path(name))
    for seed in (1, 2):
        versions.register("faces", tiny.write_model("dlfd", seed), tiny.metrics())
    client = tracking_store.connect().client
    client.set_registered_model_alias("faces", "champion", "2")
    client.set_registered_model_alias("faces", "previous", "1")
    with stage_runs.stage_run("deleted") as run:
        run.log_artifact(Path("kept.json"))
    assert run.id is not None
    client.delete_run(run.id)
    orphan = checkout / "mlartifacts/models/m-orphan/artifacts"
    orphan.mkdir(parents=True)
    (orphan / "model.pt2").write_text("weights")
    return checkout


def on_disk(root: Path) -> set[str]:
    return {path.name for path in (root / "mlartifacts").rglob("*") if path.is_file()}


def test_what_remembers_goes_and_the_rest_stays(filled: Path) -> None:
    found = version_purge.find("faces", {"faces/2"})
    assert found.versions == ["faces/1"]
    assert len(found.models) == len(found.runs) == len(found.orphans) == 1
    assert sorted(path for paths in found.shown.values() for path in paths) == [
        "kept.json",
        "picture.png",
        "report.html",
    ]
    assert found.size > 0
    for _ in range(2):  # killed and repeated
        version_purge.remove(found)
    (left,) = versions.every("faces")
    assert (left.number, left.aliases) == (2, ["champion"]), "the candidate was version 1"
    assert {"picture.png", "report.html"}.isdisjoint(on_disk(filled))
    assert "kept.json" in on_disk(filled), "of the run that was not deleted"
    assert len(list((filled / "mlartifacts/models").iterdir())) == 1
    assert version_purge.find("faces", {"faces/2"}).size == 0
    starting_point.fetch("faces/2", left.tags["weights_sha256"], filled / "base")
    assert (filled / "base/model.safetensors").read_text() == "2"


def test_weights_of_a_version_that_was_logged_in_another_experiment_go_too(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "of-before")
    with stage_runs.stage_run("register") as run:
        Path("own.png").write_text("picture")
        run.log_artifact(Path("own.png"))
        weights = versions.register("faces", tiny.write_model("dlfd", 3), tiny.metrics(), run.id)
    with stage_runs.stage_run("another") as run:
        Path("foreign.png").write_text("picture")
        run.log_artifact(Path("foreign.png"))
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    files = tiny.artifacts(weights.source)
    assert list(files.rglob("model.*"))
    found = version_purge.find("faces", {"faces/2"})
    assert set(found.versions) == {"faces/1", "faces/3"}
    for _ in range(2):  # killed and repeated
        version_purge.remove(found)
    assert not list(files.rglob("model.*"))
    assert [one.number for one in versions.every("faces")] == [2]
    assert version_purge.find("faces", {"faces/2"}).models == []
    assert "own.png" not in on_disk(filled)
    assert "foreign.png" in on_disk(filled), "of another experiment the runs alone that logged such a model"


@pytest.mark.parametrize("refused", ["delete_model_version", "delete_logged_model"])
def test_a_refusal_is_told_and_not_taken_for_gone(filled: Path, monkeypatch: pytest.MonkeyPatch, refused: str) -> None:
    def refuse(*_: object) -> None:
        raise MlflowException("you may not", error_code=PERMISSION_DENIED)

    found = version_purge.find("faces", {"faces/2"})
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, refused, refuse)
        with pytest.raises(TrackingError, match="you may not"):
            version_purge.remove(found)
    version_purge.remove(found)
    assert [one.number for one in versions.every("faces")] == [2]


def test_a_start_must_be_what_the_round_names(filled: Path) -> None:
    with pytest.raises(RegistryError, match="are not those that"):
        starting_point.fetch("faces/2", "0" * 64, filled / "base")
    assert not (filled / "base").exists()
    with pytest.raises(RegistryError, match="faces has no version 9"):
        starting_point.fetch("faces/9", "0" * 64, filled / "base")
    assert Path("workspace/base") == layout.BASE


def test_what_mlflow_answers_in_pages_is_read_to_the_end() -> None:
    from mlflow.store.entities import PagedList

    pages = {None: PagedList([1, 2], "b"), "b": PagedList([], "c"), "c": PagedList([3], "")}
    assert tracking_store.all_pages(lambda token: pages[token]) == [1, 2, 3]
