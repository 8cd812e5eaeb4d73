"""The card of a registered version: true figures, no person, no place left open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import registry_checkout as tiny
from PIL import Image
from tiny_metrics import figures

from pipeline import layout
from pipeline.config import Params
from pipeline.errors import DataError
from pipeline.evaluation import verdict
from pipeline.learning import models
from pipeline.registry import model_card
from pipeline.serving import served_model

METRICS = figures(
    test_accuracy=0.61, verdict=verdict.FORGOTTEN, strongest_auc=0.533, persons_detected=3.0, **tiny.metrics()
)


@pytest.fixture
def folder(checkout: Path) -> Path:
    """A model's, in a checkout with the references' metrics."""
    (checkout / ".dvc").rmdir()
    tiny.make(checkout)
    layout.METRICS.mkdir(exist_ok=True)
    for name, accuracy in (("original", 0.777), ("retrained", 0.555)):
        (layout.METRICS / f"{name}.json").write_text(json.dumps(figures(test_accuracy=accuracy, **tiny.metrics())))
    return tiny.write_model("dlfd", 1)


def card(folder: Path, **other: Any) -> str:
    return model_card.render("faces", 7, folder, {**METRICS, **other}, Params())


def test_it_says_what_it_is_and_stands_beside_the_oracle(folder: Path) -> None:
    told = card(folder)
    assert told.startswith("# faces, version 7\n")
    assert "| test accuracy | 0.610 | 0.777 | 0.555 |" in told
    assert "3 of 210" in told
    assert "wrongly in 39 of 100 cases" in told
    assert "models:/faces/7" in told
    for title in ("Data", "Figures", "Verdict: forgotten", "Intended use", "Limits", "Load it"):
        assert f"## {title}" in told
    assert "drawn by a program" in told
    assert len(told) < model_card.LONGEST
    assert not [line for line in told.splitlines() if "{{" in line or "{%" in line]


def test_its_code_answers(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands under *Load it* is run as it stands, with the model from a folder in place of a registry."""
    code = card(folder).partition("```python\n")[2].partition("```")[0]
    info = json.loads((folder / "model.json").read_text()) | {"architecture": "resnet18"}
    models.save(models.build("resnet18", len(info["classes"])), folder, info)
    served_model.save(folder, info, tmp_path / "served")
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (20, 30)).save("face.jpg")
    names: dict[str, Any] = {}
    exec(code.replace("models:/faces/7", str(tmp_path / "served")), names)
    (answer,) = names["answers"].to_dict("records")
    assert answer["label"] in ("young", "middle", "old")
    assert answer["error"] is None


def test_real_faces_are_not_called_drawn(folder: Path) -> None:
    info = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**info, "dataset": "mufac"}))
    assert "drawn" not in card(folder)


@pytest.mark.parametrize("word", [verdict.REMEMBERS, verdict.OVER_FORGOTTEN])
def test_a_bad_verdict_is_told_as_a_warning(folder: Path, word: str) -> None:
    told = card(folder, verdict=word)
    assert f"## Verdict: {word}" in told
    assert "think twice" in told
    assert "think twice" not in card(folder)


def test_intervals_come_from_the_stored_results(folder: Path) -> None:
    right = (np.arange(100) < 61).repeat(2)
    table = pd.DataFrame({"subset": "test", "unit": np.arange(100).repeat(2), "correct": right})
    (layout.EVALUATION / "dlfd").mkdir(parents=True, exist_ok=True)
    table.to_parquet(layout.EVALUATION / "dlfd/samples.parquet")
    assert "| test accuracy | 0.610 [0.5" in card(folder)


def test_of_few_persons_there_is_a_dash_and_no_nan(folder: Path) -> None:
    none = dict.fromkeys(("mia_accuracy", "forgetting_score", "nomus", "validation_forgetting_score"), float("nan"))
    told = card(folder, verdict=verdict.TOO_FEW, **none)
    assert "nan" not in told.lower().replace("finance", "")
    assert "| NoMUS | – |" in told


def test_without_the_oracle_it_says_what_to_do(folder: Path) -> None:
    (layout.METRICS / "retrained.json").unlink()
    with pytest.raises(DataError, match="run `dvc repro`"):
        card(folder)
