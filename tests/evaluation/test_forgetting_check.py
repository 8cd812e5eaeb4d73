from __future__ import annotations

from dataclasses import replace

import pytest
from helpers import make_faces, make_model

from pipeline.data.batches import Faces
from pipeline.evaluation.forgetting_check import ForgettingCheck
from pipeline.learning.training import fit
from pipeline.settings import TrainSettings


def check(forget: Faces, validation: Faces, images: int = 500) -> ForgettingCheck:
    return ForgettingCheck(forget, validation, images=images, seed=0, precision="fp32")


def test_it_compares_pictures_of_the_same_labels() -> None:
    forget = make_faces(60, seed=1)
    forget = forget.take((forget.labels == 1).nonzero().flatten())
    assert set(check(forget, make_faces(200, seed=2)).validation.labels.tolist()) == {1}


def test_it_looks_at_no_more_pictures_than_it_may() -> None:
    found = check(make_faces(60, seed=1), make_faces(200, seed=2), images=20)
    assert (len(found.forget), len(found.validation)) == (20, 20)


@pytest.mark.parametrize("count", [3, 30])
def test_what_was_learned_scores_high_and_what_was_never_seen_does_not(count: int) -> None:
    model, forget, validation = make_model(), make_faces(count, seed=1), make_faces(200, seed=2)
    wrong = replace(forget, labels=(forget.labels + 1) % 3)  # learned with other labels: no memory of these
    settings = TrainSettings(epochs=30, batch_size=8, learning_rate=0.05, augment=False, precision="fp32")
    fit(model, forget, settings, seed=0)
    score, auc = check(forget, validation)(model)
    assert auc > 0.6
    assert score > 0.1
    if count == 3:  # of fewer pictures than the attack has folds: by the area
        assert score == pytest.approx(2 * abs(auc - 0.5))
    fit(model, wrong, settings, seed=0)
    assert check(forget, validation)(model)[1] < 0.5
