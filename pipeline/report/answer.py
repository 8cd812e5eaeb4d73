"""The answer in one sentence: what the acceptance gate says, and what the audits say of it."""

from __future__ import annotations

from typing import Any

from pipeline import gate
from pipeline.evaluation import verdict
from pipeline.evaluation.persons import pseudonym
from pipeline.report.section import Section
from pipeline.report.stored import Stored

SAID = {
    verdict.REMEMBERS: "The audits still find that it remembers",
    verdict.OVER_FORGOTTEN: "The audits find that it over-forgets, which gives the forgotten away as well",
    verdict.FORGOTTEN: "The audits find no trace of the forgotten in it",
    verdict.TOO_FEW: "Of so few persons the audits can say nothing",
}


def section(stored: Stored) -> Section:
    decision = stored.decision
    passing = [name for name, reasons in decision.reasons.items() if not reasons]
    values: dict[str, Any] = {"accepted": decision.accepted, "passing": passing, "reasons": decision.reasons}
    values |= {"register": stored.params.register, "splits": stored.splits, "dataset": stored.dataset}
    values["warnings"] = _without_keys(stored.splits)
    if decision.accepted:
        metrics = stored.metrics[decision.accepted]
        values |= {"nomus": metrics[gate.NOMUS], "metrics": metrics, "said": _audits(metrics)}
    return Section(values)


def _without_keys(splits: dict[str, Any]) -> list[str]:
    """The split's warnings with a pseudonym for each person key that they name: keys do not belong onto the page."""
    keys = sorted(splits.get("leaks", {}).get("cut_persons", []), key=len, reverse=True)
    found = list(splits["warnings"])
    for key in keys:
        found = [warning.replace(key, pseudonym(key)) for warning in found]
    return found


def _audits(metrics: dict[str, Any]) -> str:
    said = SAID.get(metrics["verdict"], f"The audits' verdict: {metrics['verdict']}")
    low, high = metrics["strongest_auc_low"], metrics["strongest_auc_high"]
    auc = f"{metrics['strongest_auc']:.2f} [{low:.2f}, {high:.2f}]"
    return f"{said}: AUC {auc} of the {metrics['strongest_attack']} attack, where .50 is a guess."
