"""The answer in one sentence: what the acceptance gate says, and what the audits say of it."""

from __future__ import annotations

from typing import Any

from pipeline import gate
from pipeline.evaluation import verdict
from pipeline.report.section import Section
from pipeline.report.stored import Stored

SAID = {
    verdict.REMEMBERS: "The audits still find that it remembers",
    verdict.OVER_FORGOTTEN: "The audits find that it over-forgets, which gives the forgotten away as well",
    verdict.FORGOTTEN: "The audits find no trace of the forgotten in it",
    verdict.TOO_FEW: "Of so few persons the audits can say nothing but who stands out, see “at risk”",
}


def section(stored: Stored) -> Section:
    decision = stored.decision
    passing = [name for name, reasons in decision.reasons.items() if not reasons]
    values: dict[str, Any] = {"accepted": decision.accepted, "passing": passing, "reasons": decision.reasons}
    values |= {"register": stored.params.register, "splits": stored.splits, "dataset": stored.dataset}
    values["warnings"] = stored.splits["warnings"]
    values |= {"basis": decision.basis, "few": any(map(gate.few, (stored.metrics[name] for name in decision.reasons)))}
    if decision.accepted:
        metrics = stored.metrics[decision.accepted]
        values |= {"merit": gate.merit(metrics), "metrics": metrics, "said": _audits(metrics)}
    return Section(values)


def _audits(metrics: dict[str, Any]) -> str:
    said = SAID.get(metrics["verdict"], f"The audits' verdict: {metrics['verdict']}")
    low, high = metrics["strongest_auc_low"], metrics["strongest_auc_high"]
    auc = f"{metrics['strongest_auc']:.2f} [{low:.2f}, {high:.2f}]"
    return f"{said}: AUC {auc} of the {metrics['strongest_attack']} attack, where .50 is a guess."
