"""What was run: revision, hashes of data and split, parameters, versions, machine, seconds."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import pandas as pd

from pipeline import layout, machine, pseudonyms
from pipeline.report import knobs
from pipeline.report.section import Section
from pipeline.report.stored import Stored

PACKAGES = ("torch", "dvc", "mlflow", "altair")


def section(stored: Stored) -> Section:
    first = stored.infos["original"]
    facts = {
        "git revision": stored.revision or "not in git",
        "data": f"{stored.dataset['name']}, {stored.dataset['images']} pictures",
        "data, SHA-256": pictures_hash(),
        "split, SHA-256": hashlib.sha256((layout.SPLITS / "splits.parquet").read_bytes()).hexdigest(),
        "seed": str(stored.params.seed),
        "task": stored.params.task,
        "architecture": str(first.get("architecture", "unknown")),
        "trained on": str(first.get("device", "unknown")),
        "page written at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "page written with": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "page written on": f"{platform.system()}, {machine.told()}",
    }
    known = knobs.meanings()
    told = [(name, value, knobs.meaning(name, known)) for name, value in parameters(stored).items()]
    return Section({"facts": facts, "seconds": seconds(stored), "parameters": told})


def pictures_hash() -> str:
    """Of the hashes of all decoded pictures, in the order of the store."""
    contents = pd.read_parquet(layout.FACES / "table.parquet", columns=["content"])["content"]
    return hashlib.sha256("".join(contents).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Of Python and PACKAGES, without importing them."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def seconds(stored: Stored) -> list[dict[str, Any]]:
    """A row a model: making, evaluating (of which audits)."""
    return [
        {
            "model": name,
            "made": metrics["seconds"],
            "evaluated": metrics.get("evaluation_seconds"),
            "audited": metrics.get("audit_seconds"),
            "device": metrics.get("device", "unknown"),
        }
        for name, metrics in stored.metrics.items()
    ]


def parameters(stored: Stored) -> dict[str, str]:
    """Those that decide what is on the page: `section.key` -> value; of methods as their models were made.

    `device` is not among them: no stage depends on it.
    """
    told = asdict(stored.params) | {name: stored.infos[name].get("settings", {}) for name in stored.methods}
    del told["device"]
    flat: dict[str, Any] = {}
    for name, value in told.items():
        for key, one in value.items() if isinstance(value, dict) else [("", value)]:
            flat[f"{name}.{key}" if key else name] = one
    return {name: str(value) for name, value in pseudonyms.without_persons(flat).items()}
