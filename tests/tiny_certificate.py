"""A made-up certificate, whose every free text would break a page that did not escape it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipeline.certificates import content
from pipeline.erasure import ledger, requests
from pipeline.erasure.ledger import Event
from pipeline.registry.evidence import Evidence
from pipeline.registry.service_record import Entry
from pipeline.registry.versions import Version

MODEL, NUMBER = "faces", 3
PERSON, LATE = "abcdef-0000000000000001", "abcdef-0000000000000002"
NASTY = '</script><script>alert(1)</script> & <b>"it\'s"</b> Ümläut {{ 7 * 7 }}'
SECRET = "a letter of Ann Example"  # a reason, which is in the ledger and in no certificate


def asked() -> list[requests.Request]:
    """Of one person it was verified; another came too late."""
    one, two = "20261121-000001", "20261121-000002"
    model = f"{MODEL}/{NUMBER}"
    return requests.fold(
        [
            Event(one, ledger.RECEIVED, PERSON, "2026-12-21", SECRET, time="2026-11-21T10:00:00.000Z"),
            Event(one, ledger.UNLEARNED, PERSON, model=model, time="2026-11-22T10:00:00.000Z"),
            Event(one, ledger.VERIFIED, PERSON, "", "rank 0.4", model, "2026-11-22T10:00:00.001Z"),
            Event(two, ledger.RECEIVED, LATE, "2026-12-24", SECRET, time="2026-11-24T10:00:00.000Z"),
        ]
    )


def evidence() -> dict[str, Any]:
    figures = {"verdict": "forgotten", "test_accuracy": 0.6, "persons_detected": 1.0, "persons_audited": 40.0}
    figures |= {"strongest_auc": 0.52, "strongest_auc_low": 0.45, "strongest_auc_high": 0.59, "mia_accuracy": None}
    attacks = {"calibrated": {"auc": 0.52, "auc_low": 0.45, "auc_high": 0.59}}
    oracle = {"calibrated": {"auc": 0.5, "auc_low": 0.48, "auc_high": 0.51}}
    return {
        "method": "dlfd",
        "settings": {"epochs": 2, "cost": "cosine"},
        "description": {"architecture": "resnet18", "classes": ["young", "old"], "note": NASTY},
        "metrics": {"model": figures, "original": {**figures, "verdict": "remembers"}, "oracle": figures},
        "audits": {"model": attacks, "original": {}, "oracle": oracle},
        "gate": {"basis": "NoMUS"},
        "requests": {
            "20261121-000001": {
                "person": PERSON,
                "received": "2026-11-21T10:00:00.000Z",
                "due": "2026-12-21",
                "rank": 0.4,
                "detected": False,
            }
        },
    }


def certificate(told: dict[str, Any] | None = None, **service: Any) -> dict[str, Any]:
    tags = {
        "method": "dlfd",
        "task": "age",
        "accepted": "true",
        "artifact_sha256": "1" * 64,
        "weights_sha256": "2" * 64,
    }
    version = Version(NUMBER, ["champion"], tags, datetime(2026, 11, 22, tzinfo=UTC), "models:/m-1")
    found = Evidence(evidence() if told is None else told)
    return content.build(MODEL, version, Entry("promote", 2, NUMBER, **service), found, asked())
