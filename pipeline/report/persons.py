"""Persons at risk: who of the forgotten can still be detected, by pseudonym."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.evaluation.persons import FALSE_ALARMS
from pipeline.report.section import Section
from pipeline.report.stored import Stored

SHOWN = 40  # persons at most; persons.csv has them all


def section(stored: Stored) -> Section:
    of_each = {name: _detected(stored.persons[name], stored.metrics[name]) for name in stored.models}
    identities = bool(stored.dataset.get("persons"))
    with_p = any(told["p"] is not None for told in of_each.values())
    values = {"models": stored.models, "of_each": of_each, "with_p": with_p}
    return Section({**values, "identities": identities, "shown": SHOWN})


def _detected(persons: pd.DataFrame, metrics: dict[str, Any]) -> dict[str, Any]:
    found = persons[persons["detected"].astype(bool)] if "detected" in persons else persons
    return {
        "rows": found.head(SHOWN).to_dict("records"),
        "detected": len(found),
        "audited": len(persons),
        "by_chance": FALSE_ALARMS * len(persons),
        "p": metrics.get("persons_p_remembered"),
    }
