"""What stands in a certificate: everything from what is stored with the registered version, and from the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline import canonical
from pipeline.erasure import ledger, progress, requests
from pipeline.erasure.requests import Request
from pipeline.registry import evidence, versions
from pipeline.registry.evidence import Evidence
from pipeline.registry.service_record import Entry
from pipeline.registry.versions import Version

FORMAT = "dlfd-certificate/1"
LINEAGE = {  # what -> the version's tag
    "model_files_sha256": evidence.ARTIFACT_SHA,
    "weights_sha256": versions.WEIGHTS_SHA,
    "data_sha256": "data_sha256",
    "split_sha256": "split_sha256",
    "forget_set_hmac": "forget_set_hmac",
    "code_revision": "git.revision",
    "experiment": "dvc.experiment",
    "parent_version": evidence.PARENT,
    "parent_weights_sha256": evidence.PARENT_SHA,
    "evidence_sha256": evidence.SHA,
}
NOT_PROMISED = (
    "An attack that fails proves nothing alone. The audits are those named here, at the strength shown by their "
    "intervals; a stronger one may succeed tomorrow. Of a single person they can say little.",
    "This is approximate unlearning, judged by measurement beside a model that was trained without the persons. It is "
    "no bound that is proved (no differential privacy), and the weights are not those of such a model.",
    "It is about pictures of these persons, not about the concept: the model can still classify faces like theirs.",
    "It says nothing of other copies: earlier versions of the model, the pictures themselves, caches, backups, git "
    "clones, or a model that somebody downloaded before.",
    "It holds for the files with the hashes given here, on the day of issue. Another model under the same name is "
    "another matter, and a later training on data that still hold the persons would learn them again.",
    "It is a technical record, no legal opinion on whether a duty to erase is fulfilled.",
    "The signature says who issued it and that it was not changed since, not that the measurements are right.",
)


def build(name: str, version: Version, entry: Entry, found: Evidence | None, asked: list[Request]) -> dict[str, Any]:
    """The certificate of a version in service.

    Args:
        name: of the registered model.
        entry: of the record, by which it went into service.
        found: what is stored with it; None where nothing is, as of a version put into service by force.
        asked: all requests of the ledger.
    """
    model = f"{name}/{version.number}"
    stored = found.requests if found else {}
    ledgers = {request.id: request for request in asked}
    own = found.persons if found else None
    known = {request.id for request in asked if progress.has_unlearned(request, model, own)}
    forgotten = {**{one: {} for one in known}, **stored}
    persons = {one["person"] for one in stored.values()} | {ledgers[one].person for one in known}
    told = {
        "format": FORMAT,
        "issued": ledger.now(),
        "model": {
            "name": name,
            "version": version.number,
            "registered": version.created.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "method": version.tags.get("method", ""),
            "task": version.tags.get("task", ""),
            "persons_forgotten": version.tags.get("persons_forgotten", ""),
            "passed_the_gate": version.tags.get(versions.ACCEPTED) == "true",
        },
        "service": {
            "since": entry.time,
            "by": entry.action,
            "in_place_of": entry.before,
            "forced": entry.forced,
            "overruled": entry.overruled,
        },
        "requests": [_request(one, forgotten[one], ledgers.get(one), model) for one in sorted(forgotten)],
        "not_forgotten": [
            {"request": one.id, "received": one.events[0].time, "due": one.due}
            for one in asked
            if one.open and one.person not in persons
        ],
        "evidence": found.told if found else None,
        "lineage": {what: version.tags.get(tag, "") for what, tag in LINEAGE.items()},
        "not_promised": list(NOT_PROMISED),
    }
    return dict(canonical.plain(told))


def _request(name: str, stored: Mapping[str, Any], request: Request | None, model: str) -> dict[str, Any]:
    """Without its reason: that is free text, in which a name may stand."""
    events = {event.event: event for event in request.events if event.model == model} if request else {}
    unlearned, verified = events.get(ledger.UNLEARNED), events.get(ledger.VERIFIED)
    if request and verified and requests.taken_back(verified, request.events):
        verified = None
    audited = verified or unlearned
    return {
        "request": name,
        "person": stored.get("person") or (request.person if request else ""),
        "received": stored.get("received") or (request.events[0].time if request else ""),
        "due": stored.get("due") or (request.due if request else ""),
        "state": request.state if request else "not in the ledger of this checkout",
        "unlearned": unlearned.time if unlearned else None,
        "verified": verified.time if verified else None,
        "audit": audited.reason if audited else "",
        "rank": stored.get("rank"),
        "detected": stored.get("detected"),
    }
