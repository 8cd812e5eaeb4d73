"""A crash at any step of a promotion or rollback is repaired by doing it again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mlflow
import pytest
import registry_checkout as tiny
from promotions import (
    aliases,
    ask,
    champion,
    promote,
    rollback,
)
from registry_checkout import train

from pipeline.certificates import files
from pipeline.erasure import progress, requests
from pipeline.registry import service_record, versions
from pipeline.registry.promotion import Done


class Crash(BaseException):
    """As if the process had been killed."""


def crash_at(step: str, patch: pytest.MonkeyPatch) -> None:
    """Kill a change before one of its steps, which is after the step before it."""
    places: dict[str, tuple[Any, str, Callable[..., bool]]] = {
        "entry": (service_record, "write", lambda *given: not given[1].finished),
        "previous": (mlflow.MlflowClient, "set_registered_model_alias", lambda *given: given[2] == "previous"),
        "champion": (mlflow.MlflowClient, "set_registered_model_alias", lambda *given: given[2] == "champion"),
        "ledger": (progress, "put_into_service", lambda *given: True),
        "certificate": (files, "issue", lambda *given: True),
        "finish": (service_record, "write", lambda *given: given[1].finished),
    }
    owner, attribute, meant = places[step]
    real = getattr(owner, attribute)

    def dying(*given: Any, **named: Any) -> Any:
        if meant(*given):
            raise Crash
        return real(*given, **named)

    patch.setattr(owner, attribute, dying)


STEPS = ("entry", "previous", "champion", "ledger", "certificate", "finish")


def killed_and_repaired(name: str, step: str, change: Callable[[], Done], start: int, end: int) -> None:
    """A change from one version to another is killed before a step, and done again."""
    for path in files.paths(name, end):
        path.unlink(missing_ok=True)
    known = len(service_record.read(name))
    with pytest.MonkeyPatch.context() as patch:
        crash_at(step, patch)
        with pytest.raises(Crash):
            change()
    moved = step in STEPS[STEPS.index("champion") + 1 :]
    assert champion(name) == (end if moved else start), "a reader always finds a champion"
    change()
    assert aliases(name) == {"champion": end, "previous": start, "candidate": 2}
    told = [(one.before, one.after, one.finished) for one in service_record.read(name)]
    assert told[known:] == [(start, end, True)], "it is in the record once"
    assert {(one.state, one.model) for one in requests.read()} == {("in service", f"{name}/{end}")}
    assert all(path.exists() for path in files.paths(name, end))


def test_a_promotion_that_was_killed_is_repaired_by_doing_it_again(name: str) -> None:
    ask("A"), ask("B")
    train(name, "AB")
    train(name, "AB", nomus=0.8)
    promote(name, 1)
    start, end = 1, 2
    for step in STEPS:
        killed_and_repaired(name, step, partial(promote, name, end), start, end)
        start, end = end, start


def test_a_rollback_that_was_killed_goes_no_further_when_it_is_done_again(name: str) -> None:
    ask("A")
    for nomus in (0.6, 0.8, 0.7):
        train(name, "A", nomus=nomus)
    for step in ("champion", "ledger", "finish"):
        promote(name, 3)
        killed_and_repaired(name, step, partial(rollback, name), 3, 2)


def test_a_forced_change_that_was_killed_keeps_its_reason(name: str) -> None:
    versions.register(name, tiny.write_model("dlfd", next(tiny.WEIGHTS)), tiny.metrics())
    with pytest.MonkeyPatch.context() as patch:
        crash_at("ledger", patch)
        with pytest.raises(Crash):
            promote(name, force="the old one crashes")
    promote(name)
    (entry,) = service_record.read(name)
    assert (entry.forced, entry.finished) == ("the old one crashes", True)
