from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml

from pipeline import config
from pipeline.errors import ConfigError
from pipeline.learning import architectures
from pipeline.settings import Architecture

PARAMS = Path(__file__).parents[1] / "params.yaml"
SHIPPED: dict[str, Any] = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
METHODS = config.method_names()


def written(folder: Path, **sections: Any) -> Path:
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(sections), encoding="utf-8")
    return path


def refusal(folder: Path, **sections: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        config.load(written(folder, **sections))
    return str(refused.value)


def test_the_shipped_params_hold_every_knob_and_no_other() -> None:
    params = config.load(PARAMS)
    kinds = get_type_hints(config.Params)
    assert SHIPPED.keys() - set(METHODS) == kinds.keys()
    for name, kind in kinds.items():
        if is_dataclass(kind):
            assert SHIPPED[name].keys() == {field.name for field in fields(kind)}, name
    assert params.train.epochs == SHIPPED["train"]["epochs"]
    assert params.register.min_nomus == SHIPPED["register"]["min_nomus"]


def test_every_method_has_a_section_and_a_default_is_one_of_them() -> None:
    assert {"finetune", "neggrad", "dlfd"} <= set(METHODS)
    assert "base" not in METHODS
    assert set(METHODS) <= set(SHIPPED)
    assert set(SHIPPED["unlearn"]["methods"]) <= set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_the_shipped_section_of_a_method_is_valid(method: str) -> None:
    settings = config.method_settings(method, PARAMS)
    assert {name: getattr(settings, name) for name in SHIPPED[method]} == SHIPPED[method]


def test_what_is_not_written_has_its_default(tmp_path: Path) -> None:
    params = config.load(written(tmp_path, seed=7))
    assert (params.seed, params.train, params.device) == (7, config.TrainSettings(), "auto")
    assert config.method_settings("finetune", written(tmp_path, seed=7)).batch_size == config.TrainSettings().batch_size


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    told = refusal(tmp_path, seed=-1, trian={}, train={"epochs": 0, "batchsize": 8}, split={"protocol": "random"})
    assert "has 5 problem(s)" in told
    assert len(told.splitlines()) == 6
    for words in ("seed: ", "trian: ", "train.epochs: ", "train.batchsize: ", "split.protocol: "):
        assert f"  - {words}" in told


@pytest.mark.parametrize(
    ("sections", "name", "hint"),
    [
        ({"trian": {}}, "trian", "did you mean 'train'?"),
        ({"dfld": {}}, "dfld", "did you mean 'dlfd'?"),
        ({"train": {"learning_rat": 1}}, "train.learning_rat", "did you mean 'learning_rate'?"),
        ({"evaluate": {"qqqq": 1}}, "evaluate.qqqq", "known: attack_folds, bootstrap"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(
    tmp_path: Path, sections: dict[str, Any], name: str, hint: str
) -> None:
    assert f"{name}: unknown key ({hint})" in refusal(tmp_path, **sections)


def test_a_knob_of_training_is_unknown_to_a_method_that_trains_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ssd\.epochs: unknown key"):
        config.check(written(tmp_path, ssd={"epochs": 1}))


@pytest.mark.parametrize(
    ("sections", "name"),
    [
        ({"seed": "zero"}, "seed"),
        ({"evaluate": {"attack_folds": 30}}, "evaluate.attack_folds"),  # of 20 persons the gate judges by the attack
        ({"seed": 1.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 2**70}, "seed"),
        ({"train": {"epochs": "3"}}, "train.epochs"),
        ({"train": {"learning_rate": True}}, "train.learning_rate"),
        ({"train": {"augment": 1}}, "train.augment"),
        ({"train": {"augment": "true"}}, "train.augment"),
        ({"model": {"architecture": "resnet81"}}, "model.architecture"),
        ({"register": {"model_name": ""}}, "register.model_name"),
        ({"register": {"model_name": "faces/v:1"}}, "register.model_name"),
        ({"train": {"augment": "perhaps"}}, "train.augment"),
        ({"train": {"learning_rate": 0}}, "train.learning_rate"),
        ({"train": {"momentum": 1}}, "train.momentum"),
        ({"train": {"learning_rate": "fast"}}, "train.learning_rate"),
        ({"split": {"forget_fraction": 1}}, "split.forget_fraction"),
        ({"split": {"forget_persons": "p0001"}}, "split.forget_persons"),
        ({"data": {"image_size": 8}}, "data.image_size"),
        ({"device": "tpu"}, "device"),
        ({"train": 30}, "train"),
        ({"register": {"min_nomus": 2}}, "register.min_nomus"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(tmp_path: Path, sections: dict[str, Any], name: str) -> None:
    told = refusal(tmp_path, **sections)
    assert f"  - {name}: " in told
    assert ", got " in told


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_must_be_one(tmp_path: Path, value: float) -> None:
    assert "  - train.learning_rate: " in refusal(tmp_path, train={"learning_rate": value})


def test_the_section_of_a_method_is_checked_as_strictly(tmp_path: Path) -> None:
    path = written(tmp_path, dlfd={"ot_wieght": 1, "steps": -1, "solver": "fast"})
    config.load(path)  # leaves them to the methods, whose files import torch
    with pytest.raises(ConfigError) as refused:
        config.check(path)
    assert "has 3 problem(s)" in str(refused.value)
    for words in ("dlfd.ot_wieght: unknown key (did you mean 'ot_weight'?)", "dlfd.steps: ", "dlfd.solver: "):
        assert f"  - {words}" in str(refused.value)


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        (["dlfd", "negrad"], "unknown method 'negrad' (did you mean 'neggrad'?)"),
        (["base"], "unknown method 'base'"),
        (["dlfd", "dlfd"], "named twice"),
        ([], "is empty: name at least one of bad_teacher, cf_k, dlfd"),
    ],
)
def test_the_chosen_methods_must_exist(tmp_path: Path, methods: list[str], words: str) -> None:
    assert words in refusal(tmp_path, unlearn={"methods": methods})


@pytest.mark.parametrize("name", ["oracle_seeds", "reference_models"])
def test_a_model_to_compare_with_counts_once(tmp_path: Path, name: str) -> None:
    assert f"audit.{name}: 2 is named twice" in refusal(tmp_path, audit={name: [1, 2, 2]})


def test_an_unknown_method_has_no_settings() -> None:
    with pytest.raises(ConfigError, match=r"unknown method 'dlfdd' \(did you mean 'dlfd'\?\)"):
        config.method_settings("dlfdd", PARAMS)


@pytest.mark.parametrize(
    ("text", "words"), [("train: [", "not valid YAML"), ("- 1", "must hold a mapping"), ("", "must hold a mapping")]
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        config.load(tmp_path / "params.yaml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes("task: âge".encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        config.load(tmp_path / "params.yaml")


def test_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("seed: 1\ntask: age\nseed: 2\n")
    with pytest.raises(ConfigError, match=r"not valid YAML in line 3: found duplicate key \"seed\""):
        config.load(tmp_path / "params.yaml")


def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("train: {learning_rate: 1e-3}\n")
    assert config.load(tmp_path / "params.yaml").train.learning_rate == 0.001


def test_weights_that_are_not_there_are_told_with_everything_else(tmp_path: Path) -> None:
    path = written(tmp_path, model={"weights": "nowhere.pth"}, scrub={"msteps": -1})
    with pytest.raises(ConfigError) as refused:
        config.check(path)
    assert "model.weights: there is no file nowhere.pth" in str(refused.value)
    assert "scrub.msteps: " in str(refused.value)


def test_an_oracle_of_the_same_seed_is_refused(tmp_path: Path) -> None:
    assert "audit.oracle_seeds: 3 is `seed`" in refusal(tmp_path, seed=3, audit={"oracle_seeds": [1, 3]})


@pytest.mark.parametrize(("numbers", "lone"), [([1], [1]), ([1, 3], [1, 3]), ([2, 3], [2, 3]), ([1, 2, 4], [4])])
def test_half_a_cut_of_reference_models_is_refused(tmp_path: Path, numbers: list[int], lone: list[int]) -> None:
    told = refusal(tmp_path, audit={"reference_models": numbers})
    assert f"audit.reference_models: {lone} lack their other halves" in told


def test_whole_cuts_of_reference_models_are_taken(tmp_path: Path) -> None:
    found = config.load(written(tmp_path, audit={"reference_models": [4, 1, 2, 3]}))
    assert found.audit.reference_models == [4, 1, 2, 3]


def test_the_known_architectures_are_those_that_can_be_built() -> None:
    assert set(get_args(Architecture)) == set(architectures.BACKBONES)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml not found"):
        config.load(tmp_path / "nowhere.yaml")
