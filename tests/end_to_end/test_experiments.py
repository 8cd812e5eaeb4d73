"""`dvc exp`: an experiment runs what it changes and no more; a queue of them loses nothing."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from checkouts import Checkout

pytestmark = pytest.mark.end_to_end
DEPENDS_ON_DLFD = {"unlearn dlfd", "evaluate dlfd", "compare", "register"}
QUEUED = ("0.5", "3")
PATIENCE = 240  # seconds for the queue


@pytest.fixture(scope="module")
def checkout(copied: Callable[..., Checkout]) -> Checkout:
    """A clone whose first run is committed."""
    checkout = copied()
    checkout.commit()
    return checkout


def experiments(checkout: Checkout) -> list[dict[str, str]]:
    """Rows of `dvc exp show --csv` that are experiments."""
    rows = csv.DictReader(io.StringIO(checkout.dvc("exp", "show", "--csv").out))
    return [row for row in rows if row["Experiment"]]


def children_of(checkout: Checkout, experiment: str) -> list[Any]:
    parents, children = checkout.mlflow_runs()
    (parent,) = [run for run in parents if run.data.tags.get("dvc.experiment") == experiment]
    assert parent.info.status == "FINISHED"
    return [run for run in children if run.data.tags["mlflow.parentRunId"] == parent.info.run_id]


def test_an_experiment_runs_what_its_parameter_touches(checkout: Checkout) -> None:
    before = {model: checkout.weights(model) for model in ("original", "finetune", "dlfd")}
    done = checkout.dvc("exp", "run", "--name", "heavy-transport", "-S", "dlfd.ot_weight=2")
    changed = {model for model, weights in before.items() if checkout.weights(model) != weights}
    assert changed == {"dlfd"}
    assert sorted(done.stages) == sorted(["settings", "unlearn@dlfd", "evaluate@dlfd", "compare", "register"])
    children = children_of(checkout, "heavy-transport")
    assert {run.info.run_name for run in children} == DEPENDS_ON_DLFD
    (unlearning,) = [run for run in children if run.info.run_name == "unlearn dlfd"]
    assert unlearning.data.params["dlfd.ot_weight"] == "2.0"
    (row,) = experiments(checkout)
    assert (row["Experiment"], float(row["dlfd.ot_weight"])) == ("heavy-transport", 2)


def test_its_difference_can_be_shown(checkout: Checkout) -> None:
    told = json.loads(checkout.dvc("params", "diff", "HEAD", "--json").out)
    assert told == {"params.yaml": {"dlfd.ot_weight": {"old": 1.0, "new": 2, "diff": 1.0}}}
    files = json.loads(checkout.dvc("metrics", "diff", "HEAD", "--json").out)
    assert any(name.endswith("metrics/dlfd.json") for name in files)
    assert not any(name.endswith("metrics/original.json") for name in files), "what did not run did not change"
    page = checkout.dvc("plots", "diff", "HEAD", "workspace", "--out", "shown").out.strip()
    assert page.endswith("index.html")
    html = (checkout.root / "shown/index.html").read_text(encoding="utf-8")
    for name in ("Loss along the unlearning pass", "Accuracy against forgetting", "NoMUS by model", "Losses of every"):
        assert name in html
    for name in ("neggrad", "retrained", "HEAD", "workspace"):
        assert f'"{name}"' in html


@pytest.fixture(scope="module")
def queue(checkout: Checkout) -> Iterator[list[str]]:
    """Experiments from a queue, two at a time: their names."""
    checkout.run("git", "checkout", "--quiet", ".")
    before = {row["Experiment"] for row in experiments(checkout)}
    checkout.dvc("exp", "run", "--queue", "-S", f"dlfd.ot_weight={','.join(QUEUED)}")
    checkout.dvc("queue", "start", "--jobs", "2")
    deadline, told = time.monotonic() + PATIENCE, ""
    while time.monotonic() < deadline:
        told = checkout.dvc("queue", "status").out
        if "Queued" not in told and "Running" not in told:
            break
        time.sleep(3)
    assert told.count("Success") == len(QUEUED), told
    yield sorted({row["Experiment"] for row in experiments(checkout)} - before)
    checkout.dvc("queue", "stop", "--kill", check=False)


@pytest.mark.timeout(2 * PATIENCE)
def test_a_queue_of_experiments_loses_none(checkout: Checkout, queue: list[str]) -> None:
    assert len(queue) == len(QUEUED)
    rows = {row["Experiment"]: row for row in experiments(checkout)}
    assert sorted(float(rows[name]["dlfd.ot_weight"]) for name in queue) == sorted(map(float, QUEUED))
    for name in queue:
        assert 0 <= float(rows[name]["metrics/dlfd.json:nomus"]) <= 1


def test_mlflow_has_a_parent_for_each_queued_experiment(checkout: Checkout, queue: list[str]) -> None:
    for name in queue:
        children = children_of(checkout, name)
        assert sorted(run.info.run_name for run in children) == sorted(DEPENDS_ON_DLFD)
        assert {run.info.status for run in children} == {"FINISHED"}
    parents, _ = checkout.mlflow_runs()
    assert len(parents) == 1 + 1 + len(QUEUED), "the first run, the experiment, the queue"


def test_the_queue_leaves_the_workspace_alone(checkout: Checkout, queue: list[str]) -> None:
    assert not checkout.run("git", "diff", "--name-only").out
    assert checkout.dvc("params", "diff", "HEAD", "--json").out.strip() in ("", "{}")
