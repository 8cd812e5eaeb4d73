"""Requests, promotions and rollbacks in a checkout of `registry_checkout`, and what they change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import registry_checkout as tiny

from pipeline import layout, pseudonyms
from pipeline.certificates import files
from pipeline.erasure import ledger, requests
from pipeline.errors import RegistryError
from pipeline.registry import promotion, service_record, versions
from pipeline.registry.promotion import Done, Plan
from pipeline.settings import RegisterSettings

GATE = RegisterSettings()
LATER, PAST = "2999-01-01", "2020-01-01"


def ask(person: str, due: str = LATER) -> str:
    """An open request; the last hex digits of its id tell the person."""
    one = f"20261121-{ord(person):06x}"
    received = ledger.Event(one, ledger.RECEIVED, pseudonyms.load().key(person), due, "letter", time=ledger.now())
    ledger.append(layout.REQUESTS, lambda known: [received])
    return one


def withdraw(request: str) -> None:
    person = next(one.person for one in requests.read() if one.id == request)
    gone = ledger.Event(request, ledger.WITHDRAWN, person, time=ledger.now())
    ledger.append(layout.REQUESTS, lambda known: [gone])


def certify(plan: Plan) -> None:
    files.issue(plan.name, plan.version.number, None, plan.entry)


def promote(name: str, number: int | None = None, force: str | None = None, settings: RegisterSettings = GATE) -> Done:
    return promotion.carry_out(promotion.plan_promotion(name, number, settings, force), certify)


def rollback(name: str) -> Done:
    return promotion.carry_out(promotion.plan_rollback(name), certify)


def refusal(name: str, number: int | None = None, **other: Any) -> str:
    """What a refused promotion says; nothing has changed."""
    before = aliases(name), service_record.read(name)
    with pytest.raises(RegistryError) as refused:
        promote(name, number, **other)
    assert (aliases(name), service_record.read(name)) == before
    return str(refused.value)


def aliases(name: str) -> dict[str, int]:
    return {alias: version.number for version in versions.every(name) for alias in version.aliases}


def champion(name: str) -> int | None:
    return aliases(name).get("champion")


def artifacts(name: str, number: int) -> Path:
    return tiny.artifacts(versions.find(versions.every(name), name, number).source)


def states() -> dict[str, str]:
    return {one.id: one.state for one in requests.read()}
