"""CF-k and EU-k: only the last blocks move."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers import same_state, state
from memorised import QUICK, RETAIN

from pipeline.errors import ConfigError
from pipeline.learning.models import FaceClassifier
from pipeline.unlearning import (
    cf_k,
    eu_k,
)
from pipeline.unlearning.base import Run


def of(state: dict[str, torch.Tensor], *prefixes: str) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if name.startswith(prefixes)}


@pytest.mark.parametrize("method", [cf_k, eu_k])
def test_the_frozen_part_is_bit_identical_statistics_included(method: Any, model: FaceClassifier) -> None:
    before = state(model)
    method.unlearn(model, method.Settings(**QUICK, epochs=3, k=1), Run(seed=0), retain=RETAIN)
    after = state(model)
    assert same_state(of(before, "backbone"), of(after, "backbone"))
    assert not same_state(of(before, "head"), of(after, "head"))
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_all_blocks_may_move_where_k_says_so(model: FaceClassifier) -> None:
    before = state(model)
    cf_k.unlearn(model, cf_k.Settings(**QUICK, epochs=1, k=2), Run(seed=0), retain=RETAIN)
    assert not torch.equal(before["backbone.1.running_mean"], state(model)["backbone.1.running_mean"])


def test_the_head_of_eu_k_is_really_new(model: FaceClassifier) -> None:
    old = model.head.weight.detach().clone()
    eu_k.unlearn(model, eu_k.Settings(**QUICK, epochs=1, learning_rate=1e-9, k=1), Run(seed=0), retain=RETAIN)
    assert not torch.isclose(old, model.head.weight).any()
    bound = 1 / model.head.in_features**0.5
    assert model.head.weight.abs().max() <= bound + 1e-6, "as a fresh linear layer"


def test_eu_k_makes_all_of_the_last_blocks_new_statistics_included(model: FaceClassifier) -> None:
    before = state(model)
    eu_k.unlearn(model, eu_k.Settings(**QUICK, epochs=1, learning_rate=1e-9, k=2), Run(seed=0), retain=RETAIN)
    after = state(model)
    for name in ("backbone.0.weight", "head.weight"):
        assert not torch.isclose(before[name], after[name], rtol=1e-3).all(dim=1).any()
    assert after["backbone.1.num_batches_tracked"] == RETAIN.batches(16), "counted from nothing"


@pytest.mark.parametrize("method", [cf_k, eu_k])
def test_more_blocks_than_there_are_is_refused(method: Any, model: FaceClassifier) -> None:
    with pytest.raises(ConfigError, match=r"k is 9.*2 blocks"):
        method.unlearn(model, method.Settings(**QUICK, k=9), Run(seed=0), retain=RETAIN)
