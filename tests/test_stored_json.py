from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import stored_json
from pipeline.errors import DataError


def test_metrics_are_read_by_name(tmp_path: Path) -> None:
    told = {name: {"nomus": number} for number, name in enumerate(("dlfd", "retrained", "ssd"))}
    for name, metrics in told.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(metrics))
    assert stored_json.read_metrics(tmp_path, ["dlfd", "retrained"]) == {n: told[n] for n in ("dlfd", "retrained")}


def test_missing_and_damaged_metrics_are_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dlfd\.json not found: run `dvc repro`"):
        stored_json.read_metrics(tmp_path, ["dlfd"])
    (tmp_path / "dlfd.json").write_text('{"nomus": 0.')
    with pytest.raises(DataError, match=r"dlfd\.json is damaged .*delete it and run `dvc repro`"):
        stored_json.read_metrics(tmp_path, ["dlfd"])
