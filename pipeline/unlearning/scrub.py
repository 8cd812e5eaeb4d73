"""SCRUB: move away from the original model on forget pictures and stay with it on retain pictures, in turns.

    max epoch, on forget:   θ ← θ + η ∇ KL_T(original ‖ θ)
    min epoch, on retain:   θ ← θ − η ∇ [ α · KL_T(original ‖ θ) + γ · l(θ; retain) ]

Kurmanji, Triantafillou, Hayes & Triantafillou, "Towards Unbounded Machine Unlearning", NeurIPS 2023, equation 3 and
algorithm 1: each of the first `msteps` epochs begins with a max epoch, every epoch ends with a min epoch. KL_T is at
temperature T, times T². The original model stays the teacher throughout.

Rewinding (section 3.3, SCRUB+R): forgetting too much shows as much as remembering. The model goes back to the epoch
whose forget loss is nearest to the reference, the last model's loss on never-trained pictures (validation, drawn to the
label mix of forget as in the paper), where its own is beyond it. The paper compares errors; losses say the same without
the steps. One optimiser, with its momentum and one learning rate schedule, serves max and min epochs alike.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

from torch import Tensor

from pipeline.data.batches import Faces
from pipeline.data.subsets import matched
from pipeline.learning.distillation import divergence_from
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import losses
from pipeline.learning.training import Updater, losses_of, predict
from pipeline.progress import Advance
from pipeline.settings import Count, Flag, NonNegative, NonNegativeInt, Positive, Temperature, TrainSettings
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 3
    msteps: NonNegativeInt = 2
    learning_rate: Positive = 0.01
    distillation_weight: NonNegative = 0.5
    classification_weight: NonNegative = 1.0
    temperature: Temperature = 2.0
    rewind: Flag = True


def unlearn(
    model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces, forget: Faces, validation: Faces
) -> None:
    teacher = copy.deepcopy(model).eval()
    max_epochs = min(settings.msteps, settings.epochs)
    steps = settings.epochs * retain.batches(settings.batch_size) + max_epochs * forget.batches(settings.batch_size)
    updater = Updater(model.parameters(), settings, steps)
    states: list[dict[str, Tensor]] = []
    with run.progress(settings.epochs * len(retain) + max_epochs * len(forget)) as advance:
        for epoch in range(settings.epochs):
            if epoch < max_epochs:
                max_epoch(model, teacher, forget, settings, run, updater, epoch, advance)
            min_epoch(model, teacher, retain, settings, run, updater, epoch, advance)
            states.append(copy.deepcopy(model.state_dict()))
    if settings.rewind:
        rewind(model, states, forget, matched(validation, forget, run.seed), run)


def max_epoch(
    model: FaceClassifier,
    teacher: FaceClassifier,
    forget: Faces,
    settings: Settings,
    run: Run,
    updater: Updater,
    epoch: int,
    advance: Advance,
) -> None:
    """Ascend the divergence from the teacher on every forget picture once. Nothing holds the model here."""
    model.train()
    for pixels, labels in forget.epoch(settings.batch_size, seed=run.seed, epoch=epoch, augment=settings.augment):
        away = _from_teacher(model, teacher, pixels, settings, labels)[1].mean()
        run.log(step=updater.steps, forget_divergence=run.check(away))
        updater.step(-away)
        advance(len(pixels))


def min_epoch(
    model: FaceClassifier,
    teacher: FaceClassifier,
    retain: Faces,
    settings: Settings,
    run: Run,
    updater: Updater,
    epoch: int,
    advance: Advance,
) -> None:
    """Descend divergence and classification loss on every retain picture once."""
    model.train()
    for pixels, labels in retain.epoch(settings.batch_size, seed=run.seed, epoch=epoch, augment=settings.augment):
        logits, away = _from_teacher(model, teacher, pixels, settings, labels)
        classification = losses(logits, labels).mean()
        loss = settings.distillation_weight * away.mean() + settings.classification_weight * classification
        run.log(step=updater.steps, loss=run.check(loss), retain_divergence=float(away.mean().detach()))
        updater.step(loss)
        advance(len(labels))


def _from_teacher(
    model: FaceClassifier, teacher: FaceClassifier, pixels: Tensor, settings: Settings, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Logits of the model [B, C] and its divergence from the teacher [B]."""
    logits = predict(model, pixels, settings.precision)
    away = divergence_from(
        teacher, logits, pixels, labels, precision=settings.precision, temperature=settings.temperature
    )
    return logits, away


def rewind(model: FaceClassifier, states: list[dict[str, Tensor]], forget: Faces, validation: Faces, run: Run) -> None:
    """Back to the state, of those after each epoch, whose forget loss is nearest to the last one's on validation."""
    reference = float(losses_of(model, validation).mean())
    forget_losses = [float(losses_of(model, forget).mean())]
    if forget_losses[0] <= reference:
        return
    for state in reversed(states[:-1]):
        model.load_state_dict(state)
        forget_losses.append(float(losses_of(model, forget).mean()))
    back = min(range(len(states)), key=lambda i: abs(forget_losses[i] - reference))
    model.load_state_dict(states[-1 - back])
    if back:
        run.note = f"rewound {back} epoch(s): the forget loss had passed the validation loss {reference:.2f}"
