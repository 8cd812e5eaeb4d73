"""Everything that is said of a model is said beside one oracle, and the same by the parts that say it."""

from __future__ import annotations

import pytest
from planted import oracle, results

from pipeline.evaluation import selection
from pipeline.evaluation.audit import audit
from pipeline.evaluation.judgement import judge
from pipeline.evaluation.metrics import summarise
from pipeline.settings import AuditSettings, EvaluateSettings

SETTINGS, ATTACKING = AuditSettings(), EvaluateSettings(bootstrap=100)


def test_a_judgement_has_the_metrics_the_audits_and_what_the_gate_reads() -> None:
    found, yard = results(0, ("retain", "forget")), oracle()
    told = judge(found, [yard], SETTINGS, ATTACKING, 0)
    audited = audit(found, [yard], SETTINGS, ATTACKING, 0)
    expected = {
        **summarise(found.table, ATTACKING, 0),
        **audited.figures,
        **selection.figures(found, yard.results, SETTINGS, ATTACKING, 0),
    }
    assert told.figures == pytest.approx(expected, nan_ok=True)
    assert told.attacks.equals(audited.attacks)
    assert told.persons.equals(audited.persons)
    assert told.earlier.empty, "there was no round before"
