"""Persons at risk: who of the forgotten stands out from strangers, at either end, by pseudonym."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.evaluation import verdict
from pipeline.evaluation.persons import FALSE_ALARMS
from pipeline.report.section import Section
from pipeline.report.stored import Stored

SHOWN = 40  # persons at most; persons.csv has them all


def section(stored: Stored) -> Section:
    of_each = {name: _told(stored.persons[name], stored.metrics[name]) for name in stored.models}
    with_p = any(told["p"] is not None for told in of_each.values())
    values = {"models": stored.models, "of_each": of_each, "with_p": with_p}
    return Section({**values, "identities": stored.identities, "shown": SHOWN})


def _told(persons: pd.DataFrame, metrics: dict[str, Any]) -> dict[str, Any]:
    if persons.empty:
        persons = pd.DataFrame({"rank": [], "detected": [], "score": []})
    found = persons[persons["detected"].astype(bool)].assign(how="remembered")
    last = (persons["rank"] >= 1 - FALSE_ALARMS) & (persons["score"] < 0)  # of equal scores all are first and last
    other = persons[last].assign(how="over-forgotten").iloc[::-1]
    if metrics["verdict"] == verdict.YARDSTICK:  # beside itself all scores of the oracle are the same
        other = other.head(0)
    return {
        "rows": [*found.head(SHOWN).to_dict("records"), *other.head(SHOWN).to_dict("records")],
        "detected": len(found),
        "over_forgotten": len(other),
        "audited": len(persons),
        "by_chance": FALSE_ALARMS * len(persons),
        "p": metrics.get("persons_p_remembered"),
    }
