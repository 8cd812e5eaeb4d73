"""CF-k: catastrophic forgetting of the last k blocks.

    θ_last ← θ_last − η ∇ l(θ; retain),      the blocks before them frozen, BatchNorm statistics included

Goel, Prabhu, Sanyal, Lim, Torr & Kumaraguru, "Towards Adversarial Evaluations for Inexact Machine Unlearning", 2022
(arXiv 2201.06640). What a block is says `pipeline.learning.architectures.blocks_of`; the head is the last one.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier, only_last
from pipeline.learning.training import fit
from pipeline.settings import Count, Positive, TrainSettings
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 2
    learning_rate: Positive = 0.24
    k: Count = 3


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces) -> None:
    with only_last(model, settings.k):
        fit(model, retain, settings, seed=run.seed, title=run.title, on_epoch=run.log_epoch(retain, settings))
