"""The one training loop: original, retrained and every method that descends a loss on a subset."""

from __future__ import annotations

import io
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.data.batches import Batch, Faces
from pipeline.errors import PipelineError
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import correctness, losses
from pipeline.progress import Advance, progress
from pipeline.settings import TrainSettings

History = list[dict[str, float]]


class Diverged(PipelineError):
    """A loss became infinite or NaN."""


class Updater:
    """SGD with Nesterov momentum and a learning rate that is a function of the step alone, so it needs no saved state.

    Frozen parameters are left out.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], settings: TrainSettings, total_steps: int) -> None:
        self.optimiser = torch.optim.SGD(
            [parameter for parameter in parameters if parameter.requires_grad],
            lr=settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            nesterov=settings.momentum > 0,
            fused=True,  # one pass over the weights: training is 1.14 times faster on 2 CPU cores
        )
        self.settings, self.total_steps, self.steps = settings, total_steps, 0

    def learning_rate(self) -> float:
        """Of the next step: constant, or half a cosine from the first step to zero after the last."""
        if self.settings.schedule == "constant":
            return self.settings.learning_rate
        return self.settings.learning_rate * (1 + math.cos(math.pi * self.steps / self.total_steps)) / 2

    def step(self, loss: Tensor) -> None:
        """Descend one step on a scalar loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.steps += 1


def check_finite(loss: Tensor, remedy: str) -> float:
    """The loss as a number.

    Raises:
        Diverged: it is infinite or NaN.
    """
    value = float(loss.detach())
    if not math.isfinite(value):
        raise Diverged(f"the loss became {value}: {remedy}")
    return value


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """bf16 where the device multiplies it natively; elsewhere it would be slower, so fp32."""
    native = device.type == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16" and native)


def predict(model: FaceClassifier, pixels: Tensor, precision: str) -> Tensor:
    """Logits [B, C] float32 of a batch, the network itself in the given precision."""
    with autocast(pixels.device, precision):
        logits = model(pixels)
    return logits.float()


def train_mode(model: nn.Module) -> None:
    """Training mode, but evaluation mode where every parameter is frozen: statistics stand still there."""
    model.train()
    for module in model.modules():
        own = list(module.parameters())
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()


def passes(faces: Faces, settings: TrainSettings, seed: int) -> Iterator[Batch]:
    """Batches of all epochs, in random order and augmented as the settings say."""
    for epoch in range(settings.epochs):
        yield from faces.epoch(settings.batch_size, seed=seed, epoch=epoch, augment=settings.augment)


@torch.no_grad()
def outputs_of(
    model: FaceClassifier,
    faces: Faces,
    precision: str = "fp32",
    batch_size: int = 256,
    advance: Advance = lambda amount: None,
) -> tuple[Tensor, Tensor]:
    """Pooled features [M, D] and logits [M, C] float32 of a subset in order, in evaluation mode.

    The model's mode is restored.

    Args:
        precision: of the network; what is reported is computed in fp32, a look along the way may take bf16.
        advance: told the number of pictures of each batch that is done.
    """
    was_training = model.training
    model.eval()
    with autocast(faces.device, precision):
        parts = []
        for pixels, _ in faces.in_order(batch_size):
            parts.append(model.features(pixels))
            advance(len(pixels))
        features = torch.cat(parts)
        logits = model.head(features)
    model.train(was_training)
    return features.float(), logits.float()


def logits_of(model: FaceClassifier, faces: Faces, precision: str = "fp32") -> Tensor:
    """Logits [M, C] of a subset, as `outputs_of` gives them."""
    return outputs_of(model, faces, precision)[1]


def losses_of(model: FaceClassifier, faces: Faces, precision: str = "fp32") -> Tensor:
    """Loss [M] of every picture of a subset, in nats."""
    return losses(logits_of(model, faces, precision), faces.labels)


@dataclass
class Checkpoint:
    """State of a running training, written after every epoch; who asked for it throws it away at the end.

    Attributes:
        path: of the file; it must not lie in an output of DVC, which removes those before a stage runs.
        fingerprint: of everything the training depends on; a file with another one is not resumed.
    """

    path: Path
    fingerprint: str

    def save(self, model: nn.Module, updater: Updater, history: History) -> None:
        """Atomic: a kill at any moment leaves the old or the new file whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "fingerprint": self.fingerprint,
            "model": model.state_dict(),
            "optimiser": updater.optimiser.state_dict(),
            "steps": updater.steps,
            "history": history,
        }
        unfinished, written = self.path.with_suffix(".unfinished"), io.BytesIO()
        torch.save(state, written)  # not into the file: torch's archive writer hides the system's error number
        try:
            unfinished.write_bytes(written.getbuffer())
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(unfinished)) from error
        unfinished.replace(self.path)

    def restore(self, model: nn.Module, updater: Updater) -> History:
        """Continue where a killed training stood; an empty history where there is nothing (sound) to resume."""
        if not self.path.exists():
            return []
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file may raise anything; training anew loses time, not truth
            print(f"checkpoint {self.path} is damaged ({error}): training starts anew", file=sys.stderr)
            return []
        if state.get("fingerprint") != self.fingerprint:
            return []
        model.load_state_dict(state["model"])
        updater.optimiser.load_state_dict(state["optimiser"])
        updater.steps = state["steps"]
        history: History = state["history"]
        print(f"resuming after epoch {len(history)}", file=sys.stderr)
        return history


def fit(
    model: FaceClassifier,
    faces: Faces,
    settings: TrainSettings,
    *,
    seed: int,
    validation: Faces | None = None,
    checkpoint: Checkpoint | None = None,
    title: str = "training",
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
) -> History:
    """Minimise the loss on a subset, in place. Frozen parameters, and the buffers of frozen modules, stay as they are.

    Args:
        model: left in evaluation mode.
        faces: the subset to learn.
        seed: of order and augmentation.
        validation: measured after every epoch, never learned.
        checkpoint: resumed from and written to after every epoch.
        on_epoch: told the row of each epoch (a resumed epoch's too): epoch, loss, accuracy, learning_rate,
            seconds and, with `validation`, validation_loss and validation_accuracy.

    Returns:
        The rows of all epochs.

    Raises:
        Diverged: the loss is no longer finite.
    """
    steps = faces.batches(settings.batch_size)
    updater = Updater(model.parameters(), settings, settings.epochs * steps)
    history = checkpoint.restore(model, updater) if checkpoint else []
    for row in history:
        on_epoch(row)
    with progress(title, settings.epochs * len(faces), "images", done=len(history) * len(faces)) as advance:
        for epoch in range(len(history), settings.epochs):
            row = _epoch(model, faces, settings, updater, seed, epoch, advance)
            if validation is not None:
                row |= _measure(model, validation, settings.precision)
            history.append(row)
            advance(0, _told(row))
            if checkpoint:
                checkpoint.save(model, updater, history)
            on_epoch(row)
    model.eval()
    return history


def _told(row: dict[str, float]) -> str:
    """An epoch in a few words, for people who wait."""
    seen = f", validation accuracy {row['validation_accuracy']:.3f}" if "validation_accuracy" in row else ""
    return f"epoch {row['epoch'] + 1:.0f}: loss {row['loss']:.3f}{seen}"


def _epoch(
    model: FaceClassifier,
    faces: Faces,
    settings: TrainSettings,
    updater: Updater,
    seed: int,
    epoch: int,
    advance: Callable[..., None],
) -> dict[str, float]:
    started, rate = time.perf_counter(), updater.learning_rate()
    total = torch.zeros((), device=faces.device)  # summed on the device: reading a number would make it wait
    correct = torch.zeros((), device=faces.device)
    train_mode(model)
    batches = faces.epoch(settings.batch_size, seed=seed, epoch=epoch, augment=settings.augment)
    for pixels, labels in batches:
        logits = predict(model, pixels, settings.precision)
        loss = losses(logits, labels).mean()
        updater.step(loss)
        total += loss.detach() * len(labels)
        correct += correctness(logits, labels).sum()
        advance(len(labels))
    loss_value = check_finite(total / len(faces), "lower the learning rate")
    return {
        "epoch": epoch,
        "loss": loss_value,
        "accuracy": float(correct) / len(faces),
        "learning_rate": rate,
        "seconds": time.perf_counter() - started,
    }


def _measure(model: FaceClassifier, faces: Faces, precision: str) -> dict[str, float]:
    logits = logits_of(model, faces, precision)
    return {
        "validation_loss": float(losses(logits, faces.labels).mean()),
        "validation_accuracy": float(correctness(logits, faces.labels).mean()),
    }
