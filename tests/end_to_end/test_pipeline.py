"""`dvc repro` in a fresh clone: what it leaves, what a second one does, what MLflow knows of it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable

import pandas as pd
import pytest
from checkouts import Checkout, Done

from pipeline.registry.gate import decide
from pipeline.settings import RegisterSettings

pytestmark = pytest.mark.end_to_end
METHODS = ["finetune", "neggrad", "dlfd"]
MODELS = ["original", "retrained", *METHODS]
STAGES = {
    "settings",
    "download",
    "split",
    "validate",
    "base",
    *(f"train@{model}" for model in ("original", "retrained")),
    "evaluate_oracle",
    "evaluate_original",
    *(f"{stage}@{method}" for stage in ("unlearn", "evaluate") for method in METHODS),
    "compare",
    "register",
}
CHILDREN = {
    "download",
    "split",
    "validate",
    "train original",
    "train retrained",
    *(f"unlearn {method}" for method in METHODS),
    *(f"evaluate {model}" for model in MODELS),
    "compare",
    "register",
}
FIGURES = {
    "test_accuracy",
    "forget_accuracy",
    "mia_accuracy",
    "mia_interval_low",
    "mia_interval_high",
    "forgetting_score",
    "nomus",
    "validation_nomus",
    "status",
    "seconds",
    "device",
}


def test_a_fresh_clone_runs_every_stage_once(first_run: Done) -> None:
    assert sorted(first_run.stages) == sorted(STAGES)
    assert "Models beside the retrained oracle" in first_run.out
    assert "Traceback" not in first_run.err


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_kept_with_its_metrics(reproduced: Checkout, model: str) -> None:
    folder = reproduced.root / "workspace/models" / model
    shown = {"examples.png"} if model == "dlfd" else set()
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "model.json", "history.csv"} | shown
    assert len(pd.read_csv(folder / "history.csv"))
    figures = reproduced.json(f"metrics/{model}.json")
    assert figures.keys() >= FIGURES
    assert all(0 <= figures[name] <= 1 for name in ("test_accuracy", "mia_accuracy", "nomus"))
    samples = pd.read_parquet(reproduced.root / f"workspace/evaluation/{model}/samples.parquet")
    assert set(samples["subset"]) == {"retain", "forget", "validation", "test", "unseen"}
    test = samples[samples["subset"].isin(["test", "unseen"])]
    assert test["correct"].mean() == pytest.approx(figures["test_accuracy"])


def test_the_comparison_stands_the_models_beside_the_oracle(reproduced: Checkout) -> None:
    table = pd.read_csv(reproduced.root / "reports/comparison.csv").set_index("model")
    assert list(table.index) == MODELS
    assert table.loc["retrained", "oracle_gap"] == 0
    assert set(pd.read_csv(reproduced.root / "reports/curves.csv")["method"]) == set(METHODS)


def test_the_report_needs_no_network(reproduced: Checkout) -> None:
    html = (reproduced.root / "reports/report.html").read_text(encoding="utf-8")
    written = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?!data:|#)[^"'>\s]+|url\((?!data:)|@import""", written)
    assert "default-src 'none'" in written, "what scripts might ask for is refused by the browser"
    assert html.count('src="data:image/png;base64,') == 2, "contact sheet, and what DLFD does to pictures"
    assert all(model in written for model in MODELS)
    accepted = reproduced.json("reports/registration.json")["accepted"]
    assert f"takes <strong>{accepted}</strong>" in written, "what the page says is what was registered"


def test_the_accepted_method_passes_the_gate(reproduced: Checkout) -> None:
    told = reproduced.json("reports/registration.json")
    metrics = {name: reproduced.json(f"metrics/{name}.json") for name in ["original", *METHODS]}
    decision = decide(metrics.pop("original"), metrics, RegisterSettings(**told["thresholds"]))
    assert told["accepted"] == decision.accepted
    assert told["accepted"] in METHODS, told["reasons"]
    assert told["weights_sha256"] == reproduced.weights(told["accepted"])


def test_mlflow_has_one_parent_and_one_child_a_stage(reproduced: Checkout) -> None:
    (parent,), children = reproduced.mlflow_runs()
    assert parent.data.params["train.epochs"] == "2"
    assert sorted(child.info.run_name for child in children) == sorted(CHILDREN)
    assert {run.info.status for run in [parent, *children]} == {"FINISHED"}
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
    by_name = {child.info.run_name: child for child in children}
    for name in ("train original", "train retrained"):
        for metric in ("loss", "validation_accuracy"):
            curve = reproduced.mlflow.get_metric_history(by_name[name].info.run_id, metric)
            assert [point.step for point in curve] == [0, 1]
    nomus = reproduced.json("metrics/dlfd.json")["nomus"]
    assert by_name["evaluate dlfd"].data.metrics["nomus"] == pytest.approx(nomus)


def test_the_accepted_model_is_the_candidate(reproduced: Checkout) -> None:
    told = reproduced.json("reports/registration.json")
    version = reproduced.mlflow.get_model_version_by_alias("unlearned-face-classifier", "candidate")
    assert int(version.version) == told["version"] == 1
    assert version.tags["weights_sha256"] == told["weights_sha256"]


def test_a_second_repro_runs_nothing(reproduced: Checkout) -> None:
    before = reproduced.run("git", "status", "--porcelain").out
    done = reproduced.dvc("repro")
    assert done.stages == []
    assert "up to date" in done.out + done.err
    assert reproduced.run("git", "status", "--porcelain").out == before
    assert "up to date" in reproduced.dvc("status").out


def test_what_dvc_restores_leaves_no_run(reproduced: Checkout, copied: Callable[..., Checkout]) -> None:
    checkout = copied("mlartifacts")
    weights = checkout.weights("dlfd")
    shutil.rmtree(checkout.root / "workspace/models/dlfd")
    assert checkout.dvc("repro").stages == []
    assert checkout.weights("dlfd") == weights
    assert len(checkout.mlflow_runs()[1]) == len(CHILDREN)


def test_a_gate_that_nothing_passes_registers_nothing(copied: Callable[..., Checkout]) -> None:
    checkout = copied("mlartifacts")
    done = checkout.dvc("exp", "run", "-S", "register.min_nomus=1")
    assert sorted(done.stages) == ["compare", "register", "settings"]
    assert "no method passes the acceptance gate" in done.out
    told = checkout.json("reports/registration.json")
    assert (told["accepted"], told["version"]) == (None, None)
    assert all("below min_nomus 1" in json.dumps(told["reasons"][method]) for method in METHODS)
    assert len(checkout.mlflow.search_model_versions("name = 'unlearned-face-classifier'")) == 1
    assert checkout.mlflow_runs()[0][-1].info.status == "FINISHED", "a refusal is no failure"
