"""UNSIR: unlearning by selective impair and repair, with noise that the model cannot bear.

    noise    N ← N + η_N u(∇ₙ [ l(θ; N, y) − λ ‖N‖²/3HW ]),      y the labels of the forget set
    impair   θ ← θ − η ∇ l(θ; (retain, y) ∪ (N, y))       one epoch
    repair   θ ← θ − η ∇ l(θ; retain)                     one epoch or more

Tarun, Chundawat, Mandal & Kankanhalli, "Fast Yet Effective Machine Unlearning", IEEE TNNLS 2023, equations 1 to 3.
Learning noise under the labels of what is forgotten overwrites what led there. The paper forgets classes: it learns
noise for each class, once, on the original model. People share their classes with those who stay, so (ours, after Choi
& Na 2023) a noise picture is made for every forget picture, under its label, beside the retain batch that it goes with
and against the model as it is then. Also ours: u scales a gradient to one in root mean square, in place of Adam, and
the penalty is a mean over pixels, so that neither depends on the size of the pictures. Only labels of the forget set
are used: no face of it is read. N is in units of normalised pixels, as the network sees them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier, frozen
from pipeline.learning.objectives import losses
from pipeline.learning.training import Updater, passes, predict
from pipeline.settings import Count, NonNegative, NonNegativeInt, Positive, TrainSettings
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 2
    learning_rate: Positive = 0.06
    impair_epochs: Count = 1
    noise_steps: NonNegativeInt = 8
    noise_learning_rate: Positive = 0.15
    noise_penalty: NonNegative = 0.18

    def __post_init__(self) -> None:
        if self.impair_epochs >= self.epochs:
            raise ValueError(f"impair_epochs {self.impair_epochs} of {self.epochs} epochs leaves none to repair")


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces, forget: Faces) -> None:
    generator = torch.Generator().manual_seed(run.seed)
    waiting = _visits(len(forget), settings.impair_epochs, generator)
    updater = Updater(model.parameters(), settings, settings.epochs * retain.batches(settings.batch_size))
    impair_steps = settings.impair_epochs * retain.batches(settings.batch_size)
    height, width = forget.images.shape[1:3]
    noise_each = -(-len(forget) * settings.impair_epochs // impair_steps)
    with run.progress(settings.epochs * len(retain)) as advance:
        for pixels, labels in passes(retain, settings, run.seed):
            batch, wanted = pixels, labels
            if updater.steps < impair_steps:
                drawn, waiting = waiting[:noise_each], waiting[noise_each:]
                noise_labels = forget.labels[drawn.to(forget.device)]
                noise = make_noise(model, noise_labels, (height, width), settings, generator)
                batch, wanted = torch.cat([pixels, noise]), torch.cat([labels, noise_labels])
            model.train()
            loss = losses(predict(model, batch, settings.precision), wanted).mean()
            run.log(step=updater.steps, loss=run.check(loss), impair=updater.steps < impair_steps)
            updater.step(loss)
            advance(len(labels))


def _visits(count: int, epochs: int, generator: torch.Generator) -> Tensor:
    """Places of the forget pictures in the order in which noise is made for them: each once an epoch."""
    return torch.cat([torch.randperm(count, generator=generator) for _ in range(epochs)])


def make_noise(
    model: FaceClassifier, labels: Tensor, shape: tuple[int, int], settings: Settings, generator: torch.Generator
) -> Tensor:
    """Pictures [B, 3, H, W] that the model, which stays as it is, gives the greatest loss under `labels` [B].

    They are pixels, but not bound to [0, 1]: the penalty alone holds them.
    """
    noise = torch.randn(len(labels), 3, *shape, generator=generator)
    noise = noise.to(labels.device, memory_format=torch.channels_last)
    with frozen(model):
        for _ in range(settings.noise_steps):
            noise.requires_grad_(True)
            loss = losses(predict(model, model.denormalise(noise), settings.precision), labels)
            objective = loss.sum() - settings.noise_penalty * noise.square().mean((1, 2, 3)).sum()
            (gradient,) = torch.autograd.grad(objective, noise)
            noise = noise.detach() + settings.noise_learning_rate * _unit(gradient)
        return model.denormalise(noise.detach())


def _unit(gradient: Tensor) -> Tensor:
    """Scaled to one in root mean square for each picture, in place of the paper's Adam."""
    return gradient / gradient.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)
