"""Persons of earlier rounds: planted models that brought them back, or did not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import results

from pipeline.evaluation import earlier
from pipeline.evaluation.samples import Results
from pipeline.settings import AuditSettings, EvaluateSettings

SETTINGS, ATTACKING = AuditSettings(), EvaluateSettings(bootstrap=200)


def with_earlier(found: Results, persons: int = 80) -> Results:
    """The same results, with the planted forget set as the one of an earlier round, or its first persons."""
    few = found.table["unit"].isin([f"forget{number}" for number in range(persons)])
    table = found.table.assign(subset=found.table["subset"].mask(few, "forgotten"))
    return replace(found, table=table)


def audit(found: Results, persons: int = 80) -> earlier.Audit:
    oracle = with_earlier(results(100), persons)
    return earlier.audit(with_earlier(found, persons), oracle, SETTINGS, ATTACKING, 0)


def test_without_an_earlier_round_nothing_is_said() -> None:
    told = earlier.audit(results(1), results(100), SETTINGS, ATTACKING, 0)
    assert told.figures == {}
    assert told.persons.empty


def test_a_model_that_learned_them_again_is_found_out() -> None:
    told = audit(results(1, ("retain", "forget")))
    for where in ("forgotten", "validation_forgotten"):
        assert told.figures[f"{where}_verdict"] == "remembers"
        assert float(told.figures[f"{where}_auc"]) > 0.85
    assert told.figures["forgotten_persons"] == 80
    assert float(told.figures["forgotten_persons_detected"]) > 20
    assert len(told.persons) == 80


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("harder", [0.0, 1.0])
def test_one_that_never_saw_them_is_not(seed: int, harder: float) -> None:
    oracle = with_earlier(results(100, harder=harder))
    told = earlier.audit(with_earlier(results(seed, harder=harder)), oracle, SETTINGS, ATTACKING, 0)
    assert told.figures["forgotten_verdict"] == "forgotten"
    assert abs(float(told.figures["forgotten_auc"]) - 0.5) < 0.08


def test_of_few_persons_counts_are_told_and_no_verdict() -> None:
    knows, fresh = audit(results(1, ("retain", "forget")), 3), audit(results(1), 3)
    assert knows.figures["validation_forgotten_verdict"] == fresh.figures["validation_forgotten_verdict"]
    assert knows.figures["validation_forgotten_verdict"] == "too few persons"
    assert float(knows.figures["validation_forgotten_persons_detected"]) >= 1
    assert fresh.figures["validation_forgotten_persons_detected"] == 0


def test_the_new_ones_play_no_part() -> None:
    few = audit(results(1), 40).figures
    changed = results(1)
    new = changed.table["unit"].isin([f"forget{number}" for number in range(40, 80)])
    margin = np.where(new, 9.0, changed.table["margin"])
    assert audit(replace(changed, table=changed.table.assign(margin=margin)), 40).figures == few
