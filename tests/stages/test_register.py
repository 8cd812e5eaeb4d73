"""Stage `register`: the best accepted model is registered; where none is, the registry stays as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import registry_checkout as tiny
import tiny_metrics

from pipeline import layout
from pipeline.learning import models
from pipeline.registry import versions
from pipeline.tracking import tracking_store
from stages import register

PROJECT = Path(__file__).parents[2]
WEIGHTS = {"dlfd": 1, "neggrad": 2}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A checkout as the working folder; called, it writes metrics of `dlfd` and `neggrad`."""
    for name in ("DVC_ROOT", "MLFLOW_TRACKING_URI", "DLFD_TRACKING", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(models, "load", tiny.load)
    tiny.make(tmp_path)
    for method, seed in WEIGHTS.items():
        tiny.write_model(method, seed)

    def write(**metrics: dict[str, Any]) -> None:
        layout.METRICS.mkdir(exist_ok=True)
        for name, own in {"original": tiny.metrics(), "retrained": tiny.metrics(), **metrics}.items():
            figures = tiny_metrics.figures(**own)
            (layout.METRICS / f"{name}.json").write_text(json.dumps(figures))

    return write


def report() -> dict[str, Any]:
    told = (layout.REPORTS / "registration.json").read_text()
    assert (layout.REGISTRATION / "registration.json").read_text() == told
    return dict(json.loads(told))


def test_the_best_accepted_model_is_registered(
    checkout: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    checkout(dlfd=tiny.metrics(0.75), neggrad=tiny.metrics(0.8, validation_accuracy=0.2))
    register.main()
    told = report()
    refusal = "validation accuracy fell by 0.6 (0.8 to 0.2), more than max_accuracy_drop 0.1"
    assert told["reasons"] == {"dlfd": [], "neggrad": [refusal]}
    assert (told["accepted"], told["version"], told["candidate"]) == ("dlfd", 1, True)
    assert told["thresholds"]["model_name"] == "faces"
    (version,) = versions.every("faces")
    found = tracking_store.connect().client.get_model_version("faces", "1")
    assert found.description.startswith("# faces, version 1\n")
    assert "forget **4 person(s)** with the method **dlfd**" in found.description
    (card,) = Path("mlartifacts").rglob("model_card.md")
    assert card.read_text(encoding="utf-8") == found.description
    assert told["weights_sha256"] == version.tags["weights_sha256"] == tiny.sha256("1")
    shown = capsys.readouterr()
    assert "dlfd is version 1 of faces (the candidate: `dlfd models promote`)" in shown.out
    assert f"neggrad is refused: {refusal}" in shown.err
    store = tracking_store.connect()
    (run,) = store.client.search_runs([store.experiment], "tags.stage = 'register'")
    assert run.data.tags["accepted"] == "dlfd"
    assert run.data.tags["refused.neggrad"] == refusal
    register.main()  # again, as after a lost report
    assert report() == told
    checkout(dlfd=tiny.metrics(0.2), neggrad=tiny.metrics(0.7))  # another one is accepted, yet not the best
    register.main()
    assert (report()["version"], report()["candidate"]) == (2, False)
    assert "an earlier candidate has a better NoMUS" in capsys.readouterr().out


@pytest.mark.parametrize("tracking", ["", "off"])
def test_none_passes(checkout: Callable[..., None], tracking: str) -> None:
    """Exit 0, since the pipeline did its work; and neither PyTorch nor, with tracking off, MLflow is imported."""
    checkout(dlfd=tiny.metrics(0.3), neggrad=tiny.metrics(0.9, status="diverged"))
    done = run_stage(DLFD_TRACKING=tracking)
    assert done.returncode == 0, done.stderr
    assert "no method passes the acceptance gate" in done.stdout
    assert "dlfd is refused: validation NoMUS 0.3 is below min_nomus 0.6" in done.stderr
    assert "neggrad is refused: it diverged" in done.stderr
    assert (report()["accepted"], report()["version"]) == (None, None)
    assert "imported: []" in done.stdout if tracking == "off" else "imported: ['mlflow']" in done.stdout
    if tracking != "off":
        assert versions.every("faces") == []


def run_stage(**environment: str) -> subprocess.CompletedProcess[str]:
    code = """
import atexit, sys
atexit.register(lambda: print("imported:", [m for m in ("mlflow", "torch") if m in sys.modules]))
from stages import common, register
common.run(register.main)
"""
    variables = {**os.environ, "PYTHONPATH": str(PROJECT), **environment}
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)


def test_with_tracking_off_the_decision_stands_but_nothing_is_registered(
    checkout: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DLFD_TRACKING", "off")
    checkout(dlfd=tiny.metrics(0.75), neggrad=tiny.metrics(0.7))
    register.main()
    assert (report()["accepted"], report()["version"]) == ("dlfd", None)
    assert "not registered, since DLFD_TRACKING=off" in capsys.readouterr().out
    assert not Path("mlflow.db").exists()
