"""The model that the methods work on."""

from __future__ import annotations

import pytest
from helpers import make_model
from memorised import FORGET, QUICK, RETAIN

from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import fit
from pipeline.settings import TrainSettings


@pytest.fixture
def model() -> FaceClassifier:
    """It has memorised retain and forget."""
    model = make_model()
    fit(model, RETAIN.joined(FORGET), TrainSettings(**QUICK, epochs=40, learning_rate=0.05), seed=0)
    return model
