"""dvc.yaml, params.yaml and pipeline.layout say the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import config, layout

PROJECT = Path(__file__).parents[1]
STAGES: dict[str, dict[str, Any]] = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
PARAMS: dict[str, Any] = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
NUMBERS = "${audit.reference_models}"
WRITES = {
    "settings": {layout.SETTINGS},
    "download": {layout.FACES},
    "split": {layout.SPLITS},
    "validate": {layout.VALIDATION, layout.DATA_DOCS},
    "base": {layout.BASE},
    "train": {layout.MODELS / "{}"},
    "unlearn": {layout.MODELS / "{}"},
    "oracles": {layout.YARDSTICKS / "oracle-{}"},
    "references": {layout.YARDSTICKS / "reference-{}"},
    "evaluate_oracle": {
        layout.EVALUATION / "retrained",
        layout.METRICS / "retrained.json",
        layout.YARDSTICKS / "retrained",
    },
    "evaluate_original": {layout.EVALUATION / "original", layout.METRICS / "original.json"},
    "evaluate": {layout.EVALUATION / "{}", layout.METRICS / "{}.json"},
    "compare": {
        layout.REPORTS / name for name in ("report.html", "vega.js", "comparison.csv", "curves.csv", "losses.csv")
    },
    "register": {layout.REPORTS / "registration.json", layout.REGISTRATION},
}
LAID_OUT = {path for path in vars(layout).values() if isinstance(path, Path)}


def names(entries: list[Any]) -> list[str]:
    """Of outputs or dependencies, with or without options."""
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def items(stage: dict[str, Any]) -> list[str]:
    """What a stage's matrix runs over; one nameless item where it has none."""
    ((_, values),) = stage.get("matrix", {"": [""]}).items()
    example = {"${unlearn.methods}": PARAMS["unlearn"]["methods"], "${audit.oracle_seeds}": [1], NUMBERS: [1, 2]}
    return [str(value) for value in example.get(values, values)] if isinstance(values, str) else values


def paths(stage: dict[str, Any], *kinds: str, item: str) -> list[Path]:
    found = [name for kind in kinds for name in names(stage.get(kind, []))]
    return [Path(re.sub(r"\$\{item\.\w+\}", item, name)) for name in found]


def expanded() -> Iterator[tuple[str, dict[str, Any], str]]:
    for name, stage in STAGES.items():
        for item in items(stage):
            yield name, stage, item


@pytest.mark.parametrize(("name", "stage", "item"), list(expanded()))
def test_a_stage_writes_where_the_layout_says(name: str, stage: dict[str, Any], item: str) -> None:
    written = paths(stage, "outs", "metrics", "plots", item=item)
    assert set(written) == {Path(str(path).format(item)) for path in WRITES[name]}


def test_a_matrix_runs_over_the_trained_models_the_methods_or_the_yardsticks() -> None:
    matrices = {name: stage["matrix"] for name, stage in STAGES.items() if "matrix" in stage}
    assert matrices == {
        "train": {"model": list(layout.TRAINED)},
        "unlearn": {"method": "${unlearn.methods}"},
        "evaluate": {"method": "${unlearn.methods}"},
        "oracles": {"seed": "${audit.oracle_seeds}"},
        "references": {"number": NUMBERS},
    }


@pytest.mark.parametrize(("name", "stage", "item"), list(expanded()))
def test_what_a_stage_reads_exists_or_is_written_by_another(name: str, stage: dict[str, Any], item: str) -> None:
    outputs = {out for _, other, i in expanded() for out in paths(other, "outs", "metrics", item=i)} | {layout.RAW}
    for path in paths(stage, "deps", item=item):
        of_a_stage = any(out == path or out in path.parents or path in out.parents for out in outputs)
        assert of_a_stage or (PROJECT / path).exists(), f"{name} depends on {path}, which nothing makes"


@pytest.mark.parametrize("name", STAGES)
def test_the_params_of_a_stage_exist(name: str) -> None:
    for item in items(STAGES[name]):
        for key in STAGES[name].get("params", []):
            value: Any = PARAMS
            for part in key.replace("${item.method}", item).split("."):
                assert part in value, f"{name} depends on the parameter {key}"
                value = value[part]


@pytest.mark.parametrize("name", STAGES)
def test_the_command_is_a_stage_of_this_project(name: str) -> None:
    words = STAGES[name]["cmd"].split()
    assert words[:2] == ["python", "-m"]
    assert (PROJECT / f"{words[2].replace('.', '/')}.py").is_file()


def test_a_file_of_stages_is_a_stage_and_what_commands_need_lies_in_folders() -> None:
    run = {f"{stage['cmd'].split()[2].partition('.')[2]}.py" for stage in STAGES.values()}
    assert {path.name for path in (PROJECT / "stages").glob("*.py")} == run | {"__init__.py", "common.py"}


@pytest.mark.parametrize("method", config.method_names())
def test_each_method_has_a_file_and_a_section(method: str) -> None:
    assert (PROJECT / f"pipeline/unlearning/{method}.py").is_file()
    assert method in PARAMS


def test_every_file_of_the_library_rebuilds_some_stage() -> None:
    """But for those that hold no result: they log, show, check settings, serve, certify or remove."""
    without_result = {
        "pipeline/__init__.py",
        "pipeline/serving/batch_prediction.py",
        "pipeline/checkpoints.py",
        "pipeline/config.py",
        "pipeline/layout.py",
        "pipeline/learning/paper_checkpoint.py",
        "pipeline/progress.py",
        "pipeline/registry/promotion.py",
        "pipeline/registry/version_purge.py",
        *(f"pipeline/reference_tables/{name}.py" for name in ("__init__", "cells", "cost", "markdown", "published")),
        *(f"pipeline/reference_tables/{name}.py" for name in ("runs", "summary", "title")),
        "pipeline/search/__init__.py",
        "pipeline/search/choice.py",
        "pipeline/search/space.py",
        "pipeline/search/trials.py",
        "pipeline/secret_files.py",
        "pipeline/registry/service_record.py",
        "pipeline/tracking/stage_runs.py",
        "pipeline/tracking/run_tree.py",
        "pipeline/tracking/tracking_store.py",
        "pipeline/certificates/__init__.py",
        "pipeline/certificates/content.py",
        "pipeline/certificates/files.py",
        "pipeline/certificates/page.py",
        "pipeline/certificates/signing.py",
        "pipeline/data/__init__.py",
        "pipeline/data/removal.py",
        "pipeline/data/removal_tables.py",
        "pipeline/erasure/__init__.py",
        "pipeline/erasure/files.py",
        "pipeline/erasure/intake.py",
        "pipeline/erasure/purge.py",
        "pipeline/erasure/scan.py",
        "pipeline/erasure/texts.py",
        "pipeline/jobs/__init__.py",
        "pipeline/learning/__init__.py",
        "pipeline/registry/__init__.py",
        "pipeline/serving/__init__.py",
        "pipeline/tracking/__init__.py",
        "pipeline/unlearning/__init__.py",
    }
    deps = {path for name, stage, item in expanded() if name != "settings" for path in paths(stage, "deps", item=item)}
    deps |= {Path(f"pipeline/unlearning/{method}.py") for method in config.method_names()}
    library = {path.relative_to(PROJECT) for path in (PROJECT / "pipeline").rglob("*.py")}
    missed = {str(path) for path in library if not any(dep == path or dep in path.parents for dep in deps)}
    assert missed == without_result


def test_no_path_is_written_out_where_the_layout_has_a_name() -> None:
    heads = {str(path) for path in LAID_OUT}
    jobs = (PROJECT / "pipeline/jobs").glob("*.py")
    for file in [*(PROJECT / "stages").rglob("*.py"), *jobs, PROJECT / "pipeline/registry/versions.py"]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        literals = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        paths_in_it = {text for text in literals if isinstance(text, str) and text.startswith("workspace")}
        assert not paths_in_it & heads, file


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("model.safetensors", "pipeline/learning/models.py"),
        ("sides.csv", "pipeline/layout.py"),
        *((name, "pipeline/layout.py") for name in layout.PERSONS),
    ],
)
def test_a_file_that_several_read_is_named_in_one_place(name: str, place: str) -> None:
    naming = set()
    for folder in ("pipeline", "stages"):
        for file in (PROJECT / folder).rglob("*.py"):
            nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if any(isinstance(node, ast.Constant) and node.value == name for node in nodes):
                naming.add(file.relative_to(PROJECT).as_posix())
    assert naming == {place}


def test_heavy_outputs_lie_in_the_workspace_and_light_ones_in_git() -> None:
    for name, stage, item in expanded():
        for entry in [*stage.get("outs", []), *stage.get("metrics", [])]:
            path, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
            if options.get("cache") is False:
                assert not Path(path).is_relative_to(layout.WORKSPACE), f"{name} {item}"
    assert "/workspace/" in (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
