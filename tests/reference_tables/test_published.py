from __future__ import annotations

import pytest

from pipeline.config import method_names
from pipeline.evaluation.scores import nomus
from pipeline.reference_tables.published import REFERENCE


@pytest.mark.parametrize("task", REFERENCE)
def test_the_authors_figures_obey_their_own_arithmetic(task: str) -> None:
    for model, (accuracy, mia, score) in REFERENCE[task].items():
        assert nomus(accuracy, mia) == pytest.approx(score, abs=0.0016), model


def test_every_reference_is_a_model_of_ours() -> None:
    assert {model for rows in REFERENCE.values() for model in rows} <= {"original", "retrained", *method_names()}
