"""MUDA: forgetting by dimensional alignment, with self-distillation and alternating steps.

    forget step    θ ← θ − η ∇ [ −w · DA(Z_forget; U) + KL(soft(original) ‖ θ)(forget) ]
    recover step   θ ← θ − η ∇ [ l(θ; retain) + d · KL(original ‖ θ)(retain) ]
    DA(Z; U) = ‖Z U‖² / ‖Z‖²

Seo, Lee & Han, "Revisiting Machine Unlearning with Dimensional Alignment", WACV 2025 (arXiv 2407.17710): features of
pictures that a model never learned lie in the directions that the learned ones span, so forget features are drawn
into the eigenspace of the retain features, a self-distillation loss steadies the model, and the two kinds of step
alternate.

The paper's exact formulas were not within our reach. Ours are: U, the leading eigenvectors of the retain features'
second moment about the retain mean, which hold `energy` of it, from the original model, once; DA as the share of the
energy of the (centred) forget features that lies there; `soft`, the original's prediction at `temperature`, which
takes confidence away from what is forgotten without claiming a wrong label; one forget step after every recover step.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.data.batches import Faces
from pipeline.evaluation.representation import Eigenspace, eigenspace
from pipeline.learning.distillation import divergence_from
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import divergence, is_multi_label, losses
from pipeline.learning.training import Updater, autocast, outputs_of, passes, predict
from pipeline.settings import Count, NonNegative, Positive, Share, Temperature, TrainSettings
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 1
    learning_rate: Positive = 0.061
    alignment_weight: NonNegative = 2.4
    distillation_weight: NonNegative = 0.77
    temperature: Temperature = 3.6
    energy: Share = 0.43
    eigenspace_images: Count = 2000


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces, forget: Faces) -> None:
    original = copy.deepcopy(model).eval()
    features, _ = outputs_of(original, retain.sample(settings.eigenspace_images, run.seed))
    space = eigenspace(features, settings.energy)
    updater = Updater(model.parameters(), settings, 2 * settings.epochs * retain.batches(settings.batch_size))
    forget_batches = forget.endless(settings.batch_size, seed=run.seed, augment=settings.augment)
    model.train()
    with run.progress(settings.epochs * len(retain)) as advance:
        for pixels, labels in passes(retain, settings, run.seed):
            loss = recover_loss(model, original, pixels, labels, settings)
            run.log(step=updater.steps, loss=run.check(loss))
            updater.step(loss)
            forget_pixels, forget_labels = next(forget_batches)
            loss, aligned = forget_loss(model, original, forget_pixels, space, settings, is_multi_label(forget_labels))
            run.log(step=updater.steps, forget_step_loss=run.check(loss), alignment=aligned)
            updater.step(loss)
            advance(len(labels))


def recover_loss(
    model: FaceClassifier, original: FaceClassifier, pixels: Tensor, labels: Tensor, settings: Settings
) -> Tensor:
    """Classification and closeness to the original on a retain batch."""
    logits = predict(model, pixels, settings.precision)
    loss = losses(logits, labels).mean()
    if not settings.distillation_weight:
        return loss
    near = divergence_from(original, logits, pixels, labels, precision=settings.precision).mean()
    return loss + settings.distillation_weight * near


def forget_loss(
    model: FaceClassifier,
    original: FaceClassifier,
    pixels: Tensor,
    space: Eigenspace,
    settings: Settings,
    multi_label: bool,
) -> tuple[Tensor, float]:
    """Misalignment and distance to the softened original on a forget batch, and the alignment itself."""
    with torch.no_grad():
        softened = predict(original, pixels, settings.precision) / settings.temperature
    with autocast(pixels.device, settings.precision):
        features = model.features(pixels)
        logits = model.head(features)
    aligned = space.alignment(features.float())
    loss = divergence(logits, softened, multi_label=multi_label).mean() - settings.alignment_weight * aligned
    return loss, float(aligned.detach())
