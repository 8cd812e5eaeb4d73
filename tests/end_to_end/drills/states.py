"""What counts as the same end of a round, for every drill: `of(one) == of(other)`.

- **Outputs**: every file that stages wrote for others to read, by its SHA-256; of JSON and CSV without what a clock
  measured. `dvc status` knows of no difference between them and dvc.lock.
- **Registry**: versions with weights and aliases, and the record of changes of the champion.
- **Ledger**: all events, without their times.
- **Gate**: whom it accepted, and why not the others.
- **MLflow**: of every stage one finished run counts, and nothing is left running.
- **Certificates**: which there are.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import yaml
from checkouts import Checkout

from pipeline.erasure import ledger

NAME = "unlearned-face-classifier"
FOLDERS = ("workspace", "metrics", "reports")
NOT_COMPARED = ("data_docs", "report.html", "vega.js", "checkpoints")  # pages have times; checkpoints are for resuming
CLOCK = ("seconds", "audit_seconds", "evaluation_seconds", "share_of_retraining")


@dataclass(frozen=True)
class State:
    """See above."""

    outputs: dict[str, str]
    locked: list[str]
    versions: dict[str, dict[str, Any]]
    record: list[dict[str, Any]]
    events: list[tuple[str, ...]]
    gate: dict[str, Any]
    runs: dict[str, int]
    unfinished: list[str]
    certificates: list[str]

    def differences(self, other: State) -> list[str]:
        """In words; empty where the two are the same."""
        told = []
        for field in fields(self):
            own, its = getattr(self, field.name), getattr(other, field.name)
            if isinstance(own, dict):
                keys = [key for key in sorted({*own, *its}) if own.get(key) != its.get(key)]
                told += [f"{field.name}: {key}: {own.get(key)} and {its.get(key)}" for key in keys]
            elif own != its:
                told.append(f"{field.name}: {own} and {its}")
        return told


def of(checkout: Checkout, uri: str = "") -> State:
    """The state of a checkout whose round has ended.

    Args:
        uri: of its MLflow store; default: its own mlflow.db.
    """
    client = mlflow.MlflowClient(uri) if uri else checkout.mlflow
    status = checkout.dvc("status", "--json").out
    assert json.loads(status) == {}, f"dvc.lock and the workspace differ: {status}"
    locked = yaml.safe_load((checkout.root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    counted, unfinished = _runs(client)
    return State(
        outputs=outputs(checkout.root),
        locked=sorted(locked),
        versions=_versions(client),
        record=_record(client),
        events=_events(checkout.root),
        gate={
            key: value
            for key, value in checkout.json("reports/registration.json").items()
            if key in ("accepted", "reasons", "basis", "version", "candidate", "weights_sha256")
        },
        runs=counted,
        unfinished=unfinished,
        certificates=sorted(path.name for path in (checkout.root / "certificates").glob("*.*")),
    )


def outputs(root: Path) -> dict[str, str]:
    """File -> hash of what it says, clocks aside."""
    files = (path for folder in FOLDERS for path in sorted((root / folder).rglob("*")))
    wanted = [path for path in files if path.is_file() and not {*path.relative_to(root).parts} & {*NOT_COMPARED}]
    return {str(path.relative_to(root)): hashlib.sha256(_said(path)).hexdigest() for path in wanted}


def _said(path: Path) -> bytes:
    if path.suffix == ".json":
        return json.dumps(_without_clock(json.loads(path.read_text(encoding="utf-8"))), sort_keys=True).encode()
    if path.suffix == ".csv":
        table = pd.read_csv(path)
        return table.drop(columns=[name for name in CLOCK if name in table]).to_csv(index=False).encode()
    return path.read_bytes()


def _without_clock(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: _without_clock(value) for key, value in told.items() if key not in CLOCK}
    return [_without_clock(one) for one in told] if isinstance(told, list) else told


def _versions(client: mlflow.MlflowClient) -> dict[str, dict[str, Any]]:
    found = client.search_model_versions(f"name='{NAME}'")
    aliases = client.get_registered_model(NAME).aliases if found else {}
    return {
        str(one.version): {
            "aliases": sorted(alias for alias, number in aliases.items() if int(number) == int(one.version)),
            "method": one.tags["method"],
            "weights": one.tags["weights_sha256"],
            "split": one.tags["split_sha256"],
            "requests": one.tags.get("requests_forgotten"),
            "evidence": "evidence_sha256" in one.tags,
        }
        for one in found
    }


def _record(client: mlflow.MlflowClient) -> list[dict[str, Any]]:
    if not client.search_model_versions(f"name='{NAME}'"):
        return []
    tags = client.get_registered_model(NAME).tags
    entries = [json.loads(tags[key]) for key in sorted(tags) if key.startswith("service.")]
    return [{key: value for key, value in entry.items() if key != "time"} for entry in entries]


def _events(root: Path) -> list[tuple[str, ...]]:
    found = [event for name in ("requests.csv", "requests_progress.csv") for event in ledger.read(root / name).events]
    return sorted((one.request, one.event, one.person, one.model, one.reason) for one in found)


def _runs(client: mlflow.MlflowClient) -> tuple[dict[str, int], list[str]]:
    """Stage and model -> finished runs that count; names of those that still run. Parents are one stage, `pipeline`."""
    experiment = client.get_experiment_by_name("face-unlearning").experiment_id
    found = client.search_runs([experiment], max_results=5000)
    counting = [one for one in found if one.data.tags.get("superseded") != "true"]
    titles = [f"{one.data.tags['stage']} {one.data.tags.get('model', '')}".strip() for one in counting]
    finished = Counter(title for title, one in zip(titles, counting, strict=True) if one.info.status == "FINISHED")
    return dict(finished), sorted(str(one.info.run_name) for one in found if one.info.status == "RUNNING")
