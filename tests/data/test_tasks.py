from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import get_args

import pandas as pd
import pytest
import torch

from pipeline.data import sources, tasks
from pipeline.errors import DataError
from pipeline.settings import Task

CLASSES = {
    "age": ["a", "b"],
    "gender": ["female", "male"],
    "young": ["not_young", "young"],
    "smiling": ["not_smiling", "smiling"],
}
TABLE = pd.DataFrame([*product([0, 1], repeat=3), (1, -1, 0)], columns=list(tasks.ATTRIBUTES)).assign(age=1)


def test_a_code_and_its_bits_are_the_same() -> None:
    codes = tasks.labels(TABLE, "attributes")
    assert sorted(codes[:8]) == list(range(8))
    assert codes[8] == -1, "one attribute is unknown"
    bits = tasks.targets(torch.from_numpy(codes[:8].to_numpy(copy=True)), "attributes")
    assert bits.tolist() == TABLE.loc[:7, list(tasks.ATTRIBUTES)].to_numpy().tolist()


def test_a_label_is_named_by_its_attributes() -> None:
    names = tasks.label_names(CLASSES, "attributes")
    for row, code in zip(TABLE[:8].itertuples(), tasks.labels(TABLE, "attributes")[:8], strict=True):
        expected = [CLASSES[name][getattr(row, name)] for name in tasks.ATTRIBUTES]
        assert names[code] == " ".join(expected)
    assert tasks.output_names(CLASSES, "attributes") == ["gender", "young", "smiling"]


def test_a_single_label_is_itself() -> None:
    assert tasks.labels(TABLE, "age").tolist() == [1] * 9
    assert tasks.label_names(CLASSES, "age") == tasks.output_names(CLASSES, "age") == ["a", "b"]
    codes = torch.tensor([1, 0])
    assert tasks.targets(codes, "age") is codes


def test_params_take_every_task_that_data_can_have() -> None:
    """Else the remedy of a task without labels would be refused in its turn."""
    assert set(get_args(Task)) == {*sources.TASKS, "attributes"}
    assert set(tasks.ATTRIBUTES) <= set(sources.TASKS)


def test_a_task_without_labels_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"no labels for task 'attributes' \(missing: young, smiling\).*one of: age, gender"
    ):
        tasks.label_names({"age": ["a"], "gender": ["f", "m"]}, "attributes")


@pytest.mark.parametrize("read", [tasks.label_names, tasks.output_names])
def test_an_attribute_of_three_classes_has_no_bit(read: Callable[[dict[str, list[str]], str], list[str]]) -> None:
    wide = {**CLASSES, "gender": ["female", "male", "other"]}
    with pytest.raises(DataError, match="exactly two classes an attribute: gender has female, male, other"):
        read(wide, "attributes")
    assert read(wide, "gender") == ["female", "male", "other"]
