"""EU-k: exact unlearning of the last k blocks, which start anew and are trained on the retain set alone.

    θ_last ~ initialisation;      θ_last ← θ_last − η ∇ l(θ; retain),      the blocks before them frozen

Goel et al., 2022 (arXiv 2201.06640), as CF-k. Nothing of the forget set is left in the last k blocks; what the frozen
ones hold stays. The initialisation is random, also where `model.weights` gave the original and the oracle their start:
there EU-k has less to begin with than the oracle had.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier, fresh_like, only_last
from pipeline.learning.training import fit
from pipeline.settings import Count, Positive, TrainSettings
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 4
    learning_rate: Positive = 0.05
    k: Count = 3


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces) -> None:
    with only_last(model, settings.k):
        for block, new in zip(model.blocks()[-settings.k :], fresh_like(model).blocks()[-settings.k :], strict=True):
            block.load_state_dict(new.state_dict())
        fit(model, retain, settings, seed=run.seed, title=run.title, on_epoch=run.log_epoch(retain, settings))
