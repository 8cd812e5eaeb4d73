"""Half of validation is given to a method, both halves judge."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import make_faces, make_model

from benchmarks import fair_validation, measure
from pipeline.config import Params
from pipeline.settings import TrainSettings

FACES = {"retain": make_faces(32), "forget": make_faces(24, seed=1), "validation": make_faces(60, seed=2)}
UNITS = np.repeat([f"p{number}" for number in range(30)], 2)
TRAINED = {"original": make_model(), "retrained": make_model(seed=1)}
QUICK = TrainSettings(epochs=1, batch_size=16, learning_rate=0.01, precision="fp32")


def test_halves_of_validation_share_no_person_and_leave_nobody_out() -> None:
    units = np.repeat(["a", "b", "c", "d", "e"], [1, 2, 3, 4, 5])
    faces = make_faces(15)
    first, second = fair_validation._halves(faces, units, seed=0)
    sides = [set(units[np.isin(faces.rows, half.rows)]) for half in (first, second)]
    assert sides[0] | sides[1] == set(units)
    assert not sides[0] & sides[1]
    assert len(first) + len(second) == 15


def test_a_method_that_reads_no_validation_ends_at_one_model_that_each_half_judges_once() -> None:
    rows = fair_validation.compared("finetune", QUICK, TRAINED, FACES, UNITS, [0, 3])
    assert [row["seed"] for row in rows] == [0, 0, 3, 3]
    for attack in fair_validation.ATTACKS:
        for one, other in (rows[:2], rows[2:]):
            assert one[f"{attack}, given"] == other[f"{attack}, other"] != one[f"{attack}, other"]
            assert one[f"{attack}, other - given"] == -other[f"{attack}, other - given"]
    told = fair_validation.told(rows)
    assert told["plain_other_minus_given"] == "+0.0000 ± 0.0000, mean and standard error over 2 seeds"
    assert set(told) == {"plain_other_minus_given", "calibrated_other_minus_given"}


def test_the_oracle_itself_is_not_told_apart_by_the_calibrated_attack() -> None:
    oracle = TRAINED["retrained"]
    areas = fair_validation._areas(oracle, oracle, FACES["forget"], FACES["validation"], seed=0)
    assert areas["calibrated"] == pytest.approx(0.5, abs=1e-6)
    assert areas["plain"] != pytest.approx(0.5, abs=1e-3)


def test_the_record_is_named_after_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = [{"unit": unit, "subset": "validation"} for unit in UNITS]
    monkeypatch.setattr(fair_validation.config, "load", Params)
    monkeypatch.setattr(fair_validation.config, "method_settings", lambda name: QUICK)
    monkeypatch.setattr(fair_validation.split_table, "read", lambda path: fair_validation.pd.DataFrame(splits))
    monkeypatch.setattr(fair_validation.subsets, "load", lambda *_, **__: FACES)
    monkeypatch.setattr(fair_validation.models, "load", lambda path, device: TRAINED[path.name])
    monkeypatch.setattr(measure, "folder", lambda: tmp_path)
    for data, name in (("synthetic", "fair_validation-finetune"), ("mufac", "fair_validation-finetune-mufac")):
        monkeypatch.setattr(measure, "data_set", lambda data=data: data)
        fair_validation.main(method="finetune", seeds="1")
        record = json.loads((tmp_path / f"{name}-cpu.json").read_text(encoding="utf-8"))
        assert data in record["setting"]
        assert len(record["rows"]) == 2
