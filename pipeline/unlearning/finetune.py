"""Fine-tuning: go on training on the retain set alone and hope that the rest fades.

    θ ← θ − η ∇ l(θ; retain)

The common baseline (Golatkar et al., CVPR 2020; Choi & Na, AAAI 2025, Table 1). Forgets by catastrophic forgetting.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import fit
from pipeline.settings import Count, Positive, TrainSettings
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 2
    learning_rate: Positive = 0.1


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces) -> None:
    fit(model, retain, settings, seed=run.seed, title=run.title, on_epoch=run.log_epoch(retain, settings))
