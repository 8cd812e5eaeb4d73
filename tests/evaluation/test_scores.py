from __future__ import annotations

import pytest

from pipeline.evaluation.scores import forgetting_score, nomus

# accuracy, MIA accuracy and NoMUS as the authors' notebooks print them (ResNet18, MUFAC age and RAF-DB emotion)
REFERENCE = [
    (0.633, 0.692, 0.624),
    (0.608, 0.555, 0.749),
    (0.638, 0.688, 0.630),
    (0.622, 0.684, 0.627),
    (0.412, 0.475, 0.681),
    (0.491, 0.531, 0.714),
    (0.620, 0.528, 0.782),
    (0.750, 0.674, 0.701),
    (0.719, 0.520, 0.840),
    (0.661, 0.546, 0.784),
]


@pytest.mark.parametrize(("accuracy", "attack", "expected"), REFERENCE)
def test_nomus_reproduces_the_reference_table(accuracy: float, attack: float, expected: float) -> None:
    assert nomus(accuracy, attack) == pytest.approx(expected, abs=0.0016)  # three printed digits each


def test_the_score_is_symmetric_about_chance() -> None:
    assert forgetting_score(0.5) == 0
    assert forgetting_score(0.3) == pytest.approx(forgetting_score(0.7)) == pytest.approx(0.4)
    assert forgetting_score(1.0) == forgetting_score(0.0) == 1


def test_perfect_accuracy_without_a_trace_scores_one() -> None:
    assert nomus(1.0, 0.5) == 1
    assert nomus(0.0, 1.0) == 0
