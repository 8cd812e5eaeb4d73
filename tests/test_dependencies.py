"""dvc.yaml names the code that a stage runs, no less, or a change of code leaves a stale result, and no more, or it
reruns what it does not touch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import code_used
import pytest
import yaml

from pipeline.config import method_names
from pipeline.data.sources import SOURCES
from pipeline.jobs import train
from pipeline.serving import served_model
from pipeline.tracking import run_tree
from stages.cli import table

STAGES: dict[str, dict[str, Any]] = yaml.safe_load((code_used.ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
WITHOUT_RESULT = {  # they log, show and say what is wrong, or hand on values that DVC watches as params
    *(
        f"pipeline/{name}.py"
        for name in ("config", "errors", "layout", "progress", "settings", "pseudonyms", "secret_files")
    ),
    *(f"pipeline/tracking/{name}.py" for name in ("stage_runs", "run_tree", "tracking_store")),
    "pipeline/erasure/files.py",
}
READERS = {  # of what an earlier stage wrote: another form of it is another output, which reruns all that read it
    "pipeline/data/splits.py",
    "pipeline/data/store.py",
    "pipeline/data/sources/__init__.py",
}
CARRIED = {  # copied into a registered version, by path; what its __init__.py say runs nothing
    path.relative_to(code_used.ROOT).as_posix()
    for path in (served_model.ENTRY, *(served_model.PACKAGE / name for name in served_model.CODE))
    if path.name != "__init__.py"
}


def used(stage: str) -> set[str]:
    """Files of this project that a stage runs; of `unlearn` those of any method, of `download` of any source."""
    starts = [(STAGES[stage]["cmd"].split()[2], "main")]
    if stage == "download":
        starts += [(f"pipeline.data.sources.{name}", part) for name in SOURCES for part in ("recognises", "read")]
    if stage == "unlearn":
        starts += [(f"pipeline.unlearning.{name}", part) for name in method_names() for part in ("unlearn", "Settings")]
    return {path.as_posix() for path in code_used.files(*starts)}


def named(stage: str) -> list[str]:
    """Dependencies of a stage; `unlearn` names each method for itself."""
    methods = {one.replace("${item.method}", name) for one in STAGES[stage]["deps"] for name in method_names()}
    return sorted(methods if stage == "unlearn" else STAGES[stage]["deps"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_the_code_that_it_runs(stage: str) -> None:
    within = [Path(name) for name in named(stage)]
    lacking = {one for one in used(stage) if not any(dep == Path(one) or dep in Path(one).parents for dep in within)}
    assert not lacking - WITHOUT_RESULT - READERS, f"name it in the deps of {stage} in dvc.yaml"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_no_code_that_it_does_not_run(stage: str) -> None:
    files = {one for one in named(stage) if one.endswith(".py")}
    assert not files - used(stage) - (CARRIED if stage == "register" else set())


def test_the_lock_names_no_stage_of_before() -> None:
    lock = yaml.safe_load((code_used.ROOT / "dvc.lock").read_text(encoding="utf-8"))
    assert {name.partition("@")[0] for name in lock["stages"]} <= set(STAGES)


def test_registering_names_the_code_that_a_version_carries() -> None:
    assert set(named("register")) >= CARRIED


def test_names_are_followed_from_definition_to_definition() -> None:
    """An evaluation asks what a yardstick has learned, and runs nothing else of the file that trains yardsticks."""
    train, evaluate = used("train"), used("evaluate")
    assert {"pipeline/jobs/train.py", "pipeline/learning/training.py", "pipeline/learning/objectives.py"} <= train
    assert {"pipeline/jobs/train_yardstick.py", "pipeline/evaluation/audit.py"} <= evaluate
    assert "pipeline/evaluation/verdict.py" in evaluate
    assert "pipeline/jobs/train.py" not in evaluate


def test_what_no_stage_writes_tells_executions_and_cells_of_a_table_apart() -> None:
    deps = {Path(one) for stage in STAGES.values() for one in stage["deps"]}
    given = {one for one in deps if one.parts[0] not in ("pipeline", "stages", "workspace", "metrics")}
    given = given - {Path("data")} | {Path("data.dvc")}  # data/ is what this imports
    assert given <= {Path(name) for name in run_tree.DEFINES_EXECUTION}
    assert all(any(one.is_relative_to(name) for name in table.INPUTS) for one in given)
    assert "datasets" in table.INPUTS, "of data.dvc; it is imported anew within the run"


def test_a_checkpoint_is_of_all_the_code_that_a_training_runs() -> None:
    used = {path.as_posix() for path in code_used.files(("pipeline.jobs.train", "train_model"))}
    named = {path.relative_to(code_used.ROOT).as_posix() for path in train.TRAINING_CODE}
    assert named == used - WITHOUT_RESULT - READERS


@pytest.mark.parametrize("stage", ["train", "unlearn", "oracles", "references"])
def test_another_evaluation_retrains_nothing(stage: str) -> None:
    apart = {f"pipeline/jobs/{name}.py" for name in ("evaluate", "yardsticks")}
    apart |= {f"pipeline/evaluation/{name}.py" for name in ("audit", "metrics", "verdict", "signals", "likelihood")}
    assert not apart & {*used(stage), *named(stage)}
    if stage != "unlearn":  # a method's section of params.yaml leaves out knobs, the others hold every one
        assert "pipeline/settings.py" not in named(stage), "a new knob of the audits would train all models anew"
