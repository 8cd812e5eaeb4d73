"""CF-k: catastrophic forgetting of the last k blocks.

    θ_last ← θ_last − η ∇ l(θ; retain),      the blocks before them frozen, BatchNorm statistics included

Goel, Prabhu, Sanyal, Lim, Torr & Kumaraguru, "Towards Adversarial Evaluations for Inexact Machine Unlearning", 2022
(arXiv 2201.06640). What a block is stands with each architecture in `pipeline.models`; the head is the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.data.batches import Faces
from pipeline.errors import ConfigError
from pipeline.models import FaceClassifier
from pipeline.settings import Count, Positive, TrainSettings
from pipeline.training import fit
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 2
    learning_rate: Positive = 0.1
    k: Count = 2


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces) -> None:
    with only_last(model, settings.k, "cf_k.k"):
        fit(model, retain, settings, seed=run.seed, title=run.title, on_epoch=run.log_epoch(retain, settings))


@contextmanager
def only_last(model: FaceClassifier, k: int, knob: str) -> Iterator[None]:
    """Only the last k blocks can learn.

    Raises:
        ConfigError: the model has fewer blocks; `knob` is named.
    """
    blocks = model.blocks()
    if k > len(blocks):
        raise ConfigError(f"{knob} is {k}, but this architecture has {len(blocks)} blocks")
    model.requires_grad_(False)
    for block in blocks[-k:]:
        block.requires_grad_(True)
    try:
        yield
    finally:
        model.requires_grad_(True)
