"""Register, and the aliases: on a real MLflow registry in SQLite."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import registry_checkout as tiny

from pipeline import layout
from pipeline.errors import DataError, RegistryError
from pipeline.hashes import file_hash
from pipeline.registry import versions
from pipeline.registry.versions import Change
from pipeline.serving import served_model
from pipeline.tracking import stage_runs, tracking_store

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("registry")
    with tiny.opened(folder) as patch:
        patch.setenv("DVC_EXP_NAME", "wild-fig")
        yield folder


@pytest.fixture
def name(checkout: Path, request: pytest.FixtureRequest) -> str:
    """A registered model of this test alone."""
    return str(request.node.name)


def add(name: str, seed: int, nomus: float = 0.7, method: str = "dlfd") -> versions.Version:
    return versions.register(name, tiny.write_model(method, seed), tiny.metrics(nomus))


def aliases(name: str) -> dict[str, int]:
    return {alias: version.number for version in versions.every(name) for alias in version.aliases}


def test_a_registered_model_says_where_it_comes_from(name: str) -> None:
    folder = tiny.write_model("dlfd", seed=11)
    with stage_runs.stage_run("register") as run:
        version = versions.register(name, folder, tiny.metrics(0.7), run.id)
    expected = {
        "accepted": "true",
        "method": "dlfd",
        "task": "age",
        "classes": "young, middle, old",
        "persons_forgotten": "4",
        "dvc.experiment": "wild-fig",
        "weights_sha256": file_hash(folder / "model.safetensors"),
        "data_sha256": file_hash(layout.FACES / "dataset.json", layout.FACES / "table.parquet"),
        "split_sha256": file_hash(layout.SPLITS / "splits.parquet"),
        "validation_nomus": "0.700000",
        "validation_forgetting_score": "0.100000",
        "validation_accuracy": "0.800000",
    }
    assert expected.items() <= version.tags.items()
    assert "git.revision" in version.tags
    assert (version.number, version.aliases) == (1, ["candidate"])
    assert run.id is not None
    store = tracking_store.connect()
    assert store.client.get_run(run.id).data.metrics["validation_nomus"] == 0.7
    assert store.client.get_model_version(name, "1").run_id == run.id
    assert "MLFLOW_TRACKING_URI" not in os.environ, "what MLflow sets for itself does not stay"


def test_of_few_persons_the_better_by_their_places_is_the_candidate(name: str) -> None:
    """NoMUS is no number there."""
    few = {"validation_persons": 1, "validation_nomus": float("nan"), "validation_forgetting_score": float("nan")}
    for seed, merit in ((91, 0.6), (92, 0.8), (93, 0.7)):
        versions.register(name, tiny.write_model("dlfd", seed), {**tiny.metrics(merit), **few})
    assert aliases(name)["candidate"] == 2
    assert versions.every(name)[0].tags["validation_nomus"] == "nan"


def test_the_same_weights_are_registered_once(name: str) -> None:
    first, again = add(name, seed=21, nomus=0.7), add(name, seed=21, nomus=0.7)
    assert (first.number, again.number) == (1, 1)
    assert len(versions.every(name)) == 1


def test_the_same_weights_with_mended_code_are_a_version_that_takes_the_candidates_place(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = add(name, seed=21)
    better = add(name, seed=22, nomus=0.8)
    monkeypatch.setattr(served_model, "code_hash", lambda: "of a mended decoder")
    assert (add(name, seed=21).aliases, add(name, seed=22, nomus=0.8).aliases) == ([], ["candidate"])
    mended = versions.every(name)[1]
    assert (mended.number, mended.tags["code_sha256"]) == (3, "of a mended decoder")
    assert mended.tags["weights_sha256"] == old.tags["weights_sha256"]
    assert aliases(name) == {"candidate": 4}
    assert better.number == 2


def test_the_best_is_the_candidate_whichever_comes_last(name: str) -> None:
    add(name, seed=31, nomus=0.7)
    assert add(name, seed=32, nomus=0.8).aliases == ["candidate"]
    assert add(name, seed=33, nomus=0.75).aliases == []
    assert add(name, seed=34, nomus=0.8).aliases == [], "an equal does not take the place"
    assert aliases(name) == {"candidate": 2}
    assert [version.number for version in versions.every(name)] == [4, 3, 2, 1]


def test_a_model_for_other_persons_to_forget_becomes_the_candidate(name: str) -> None:
    add(name, seed=41, nomus=0.9)
    split = layout.SPLITS / "splits.parquet"
    before = split.read_text()
    split.write_text("one more person asks to be forgotten")
    try:
        assert add(name, seed=42, nomus=0.7).aliases == ["candidate"]
    finally:
        split.write_text(before)


def test_the_champion_changes_in_one_step_and_the_one_before_is_kept(name: str) -> None:
    add(name, seed=51, nomus=0.7)
    add(name, seed=52, nomus=0.8)
    assert versions.switch(name, 1) == Change(None, 1)
    assert aliases(name) == {"champion": 1, "candidate": 2}
    assert versions.switch(name, 2) == Change(1, 2)
    assert versions.switch(name, 2) == Change(2, 2), "again changes nothing"
    assert aliases(name) == {"champion": 2, "candidate": 2, "previous": 1}


def test_a_version_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(RegistryError, match=r"no registered model .* yet: run `dvc repro`"):
        versions.find(versions.every(name), name, 1)
    add(name, seed=71)
    with pytest.raises(RegistryError, match=r"no version 9 \(it has 1\)"):
        versions.find(versions.every(name), name, 9)


def test_a_missing_input_is_named(name: str) -> None:
    split = layout.SPLITS / "splits.parquet"
    kept = split.rename(split.with_suffix(".away"))
    try:
        with pytest.raises(DataError, match=r"splits\.parquet not found: run `dvc repro`"):
            add(name, seed=81)
    finally:
        kept.rename(split)
    assert versions.every(name) == []


def test_the_hash_tells_where_one_file_ends(tmp_path: Path) -> None:
    for file, text in {"a": "xy", "b": "z", "c": "x", "d": "yz"}.items():
        (tmp_path / file).write_text(text)
    assert file_hash(tmp_path / "a", tmp_path / "b") != file_hash(tmp_path / "c", tmp_path / "d")


def test_two_processes_register_at_once(name: str, checkout: Path) -> None:
    code = """
import sys
import registry_checkout as tiny
from pipeline.learning import models
from pipeline.registry import versions
models.load = tiny.load
name, seed, nomus = sys.argv[1:]
versions.register(name, tiny.write_model(f"m{seed}", int(seed)), tiny.metrics(float(nomus)))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "tests")])}
    commands = [[sys.executable, "-c", code, name, *rest] for rest in (("91", "0.8"), ("92", "0.7"))]
    processes = [subprocess.Popen(command, env=environment, cwd=checkout) for command in commands]
    assert [process.wait() for process in processes] == [0, 0]
    known = versions.every(name)
    assert [version.number for version in known] == [2, 1]
    (best,) = [version for version in known if "candidate" in version.aliases]
    assert best.tags["validation_nomus"] == "0.800000"
