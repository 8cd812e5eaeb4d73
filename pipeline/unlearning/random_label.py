"""Random labels: learn the forget set with wrong labels beside the retain set with its own.

    θ ← θ − η ∇ l(θ; (forget, y′) ∪ (retain, y)),      y′ ≠ y uniform

Graves, Nagisetty & Ganesh, "Amnesiac Machine Learning", AAAI 2021, and Golatkar et al., CVPR 2020. Labels are drawn
once for each picture, not for each visit; both sets are shuffled into one, so each counts by its size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import wrong_labels
from pipeline.learning.training import fit
from pipeline.settings import Count, Positive, TrainSettings
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 1
    learning_rate: Positive = 0.15


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces, forget: Faces) -> None:
    wrong = replace(forget, labels=wrong_labels(forget.labels, model.classes, run.seed))
    mixed = wrong.joined(retain)
    fit(model, mixed, settings, seed=run.seed, title=run.title, on_epoch=run.log_epoch(mixed, settings))
