"""The answer in one sentence: what the acceptance gate says, and what the audits say of it."""

from __future__ import annotations

from typing import Any

from pipeline.evaluation import verdict
from pipeline.registry import gate
from pipeline.report.section import Section
from pipeline.report.stored import Stored

SAID = {
    verdict.REMEMBERS: "The audits still find that it remembers",
    verdict.OVER_FORGOTTEN: "The audits find that it over-forgets, which gives the forgotten away as well",
    verdict.FORGOTTEN: "The audits show no trace of the forgotten in it, within the interval of the attack",
    verdict.TOO_FEW: "Of so few persons the audits can say nothing but who stands out, see “at risk”",
}

MEANINGS = {
    "retain": "learned, and to be kept; the oracle learned these alone",
    "forget": "learned by the original, and to be forgotten",
    "forgotten": "forgotten in an earlier round; nobody learns from them, the audits look whether they came back",
    "validation": "never learned; used to stop a method and to choose between methods",
    "unseen": "used for no choice, and learned by reference models alone, where the audits ask for some; with the "
    "forgotten ones' mix of labels where the split is drawn: strangers, whom the forgotten should look like",
    "test": "never learned and used for no choice; together with unseen they give the test accuracy",
    "excluded": "used for nothing: no label for this task, or a copy of another picture",
}


def section(stored: Stored) -> Section:
    decision = stored.decision
    passing = [name for name, reasons in decision.reasons.items() if not reasons]
    values: dict[str, Any] = {"accepted": decision.accepted, "passing": passing, "reasons": decision.reasons}
    values |= {"register": stored.params.register, "splits": stored.splits, "dataset": stored.dataset}
    values["identities"] = stored.identities
    values |= {"warnings": stored.splits["warnings"], "notes": stored.splits["notes"]}
    values |= {"forget": dict(zip(("who", "why"), forget_set(stored), strict=True)), "subsets": MEANINGS}
    values |= {"basis": decision.basis, "few": any(map(gate.few, (stored.metrics[name] for name in decision.reasons)))}
    values["doubt"] = True
    if decision.accepted:
        metrics = stored.metrics[decision.accepted]
        values |= {"merit": gate.merit(metrics), "metrics": metrics, "said": _said(metrics), "auc": _auc(metrics)}
        values["doubt"] = metrics["verdict"] != verdict.FORGOTTEN
    return Section(values)


def forget_set(stored: Stored) -> tuple[str, str]:
    """Who is to be forgotten, by count, and why they."""
    splits = stored.splits
    who = _counted(splits["counts"]["forget"], "picture")
    if stored.identities:
        who = f"{_counted(splits['persons']['forget'], 'person')} ({who})"
    if splits["protocol"] == "published":
        return who, "as the data set's published split has it"
    if "forget_by_name" in splits:
        named = len(set(stored.params.split.forget_persons))
        why = ["asked for it (open requests)"] * (splits["forget_by_name"] > named)
        why += ["named in split.forget_persons"] * (named > 0)
        before = splits.get("forgotten_earlier", 0)
        more = f"; {_counted(before, 'person')} of earlier rounds must stay forgotten" if before else ""
        return who, " or ".join(why) + more
    return who, "a random share to compare methods by: nobody asked"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _said(metrics: dict[str, Any]) -> str:
    return SAID.get(metrics["verdict"], f"The audits' verdict: {metrics['verdict']}")


def _auc(metrics: dict[str, Any]) -> str:
    low, high = metrics["strongest_auc_low"], metrics["strongest_auc_high"]
    return f"AUC {metrics['strongest_auc']:.2f} [{low:.2f}, {high:.2f}] of the {metrics['strongest_attack']} attack"
