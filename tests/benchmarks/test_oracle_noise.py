"""A further oracle is judged as a method is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planted import oracle, reference

from benchmarks import measure, oracle_noise
from pipeline.config import Params
from pipeline.settings import EvaluateSettings

PARAMS = Params(evaluate=EvaluateSettings(bootstrap=50))


def test_the_same_oracle_again_is_no_distance_away_and_another_is_a_little() -> None:
    first, other = oracle(seed=100), oracle(seed=101)
    same, apart = oracle_noise.judged([first, first, reference(1), other], PARAMS)
    assert (same["gap"], same["strongest_auc"]) == (0, pytest.approx(0.5))
    assert 0 < apart["gap"] < 0.05
    assert apart["verdict"] == "forgotten"
    assert apart["strongest_auc_low"] < apart["strongest_auc"] < apart["strongest_auc_high"]


def test_without_further_oracles_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle_noise.split_table, "read", lambda path: None)
    monkeypatch.setattr(oracle_noise.config, "load", lambda: replace(PARAMS))
    monkeypatch.setattr(oracle_noise.yardsticks, "load", lambda settings, splits: [oracle()])
    with pytest.raises(measure.BenchmarkError, match="trains two"):
        oracle_noise.main()
