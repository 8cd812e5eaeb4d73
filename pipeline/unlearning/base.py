"""What an unlearning method is, and the one way to run it.

A method is a file in this folder, named as the field names it, with

    class Settings(TrainSettings)      its knobs, read from its section of params.yaml
    def unlearn(model, settings, run, *, retain, forget, validation) -> None

`unlearn` changes the model in place. Its keyword-only parameters are the subsets it is given: a method
that names no `retain` never sees the retain set. One that takes no optimiser step has PassSettings, so that a learning
rate is unknown in its section, and not left unread.
"""

from __future__ import annotations

import copy
import inspect
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import guess_loss
from pipeline.learning.training import Diverged, check_finite, losses_of
from pipeline.progress import Advance, progress
from pipeline.settings import PassSettings, TrainSettings

ALLOWED = ("retain", "forget", "validation")  # subsets that a method may ask for
RUNAWAY = 10  # times the loss of a uniform guess: no method means to go there
PROBED = 500  # pictures of a subset, to see whether a model still gives numbers


@dataclass(frozen=True)
class Method:
    """A method as found in its file.

    Attributes:
        name: of the file.
        settings: its `Settings` class.
        unlearn: its `unlearn` function.
        subsets: what it is given, of ALLOWED.
    """

    name: str
    settings: type[PassSettings]
    unlearn: Callable[..., None]
    subsets: tuple[str, ...]


def get(name: str) -> Method:
    """The method of a file in this folder.

    Raises:
        TypeError: its `unlearn` asks for a subset there is none of.
    """
    module = import_module(f"pipeline.unlearning.{name}")
    parameters = inspect.signature(module.unlearn).parameters.values()
    subsets = tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    if unknown := set(subsets) - set(ALLOWED):
        raise TypeError(f"{name}.unlearn asks for {sorted(unknown)}; there is {ALLOWED}")
    return Method(name, module.Settings, module.unlearn, subsets)


@dataclass
class Run:
    """What a method is told (seed) and what it tells (steps, loss, why it stopped).

    Attributes:
        seed: of order, augmentation and noise.
        status: finished | stopped early | diverged.
        note: why it did not finish, or what a finished run has to tell of itself (SCRUB: how far it rewound).
        warning: what to look at although the run finished: its loss ran away and came back.
        history: a row for each call of `log`.
        examples: pictures [n, 3, H, W] in [0, 1] before and after what the method does to them, where it changes any.
        forward_images, backward_images: pictures that went through the model, counted by hooks.
    """

    seed: int
    title: str = "unlearning"
    status: str = "finished"
    note: str = ""
    warning: str = ""
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    examples: tuple[Tensor, Tensor] | None = None
    forward_images: int = 0
    backward_images: int = 0

    def log(self, **row: float) -> None:
        """Keep a row of figures, the first of them `step`."""
        self.history.append({name: float(value) for name, value in row.items()})

    def log_epoch(self, faces: Faces, settings: TrainSettings) -> Callable[[dict[str, float]], None]:
        """What to hand to `training.fit` as `on_epoch`, so that its rows count steps."""

        def log(row: dict[str, float]) -> None:
            self.log(step=(row["epoch"] + 1) * faces.batches(settings.batch_size), **row)

        return log

    def check(self, loss: Tensor) -> float:
        """The loss as a number; ends the method where it is not finite, before the step that would use it.

        Raises:
            Diverged: caught by `unlearn`, which records it.
        """
        return check_finite(loss, "lower the method's learning rate")

    def stop(self, why: str) -> None:
        """Record that the method ends by itself before its last step."""
        self.status, self.note = "stopped early", why

    def progress(self, total: int, part: str = "") -> AbstractContextManager[Advance]:
        """Progress over `total` pictures; `part` says which, of a method that goes over them more than once."""
        return progress(f"{self.title}{part and f' ({part})'}", total, "images")

    def watch(self, model: FaceClassifier) -> Callable[[], None]:
        """Count pictures that pass the model forward and backward, until the returned function is called."""

        def backward(gradient: Tensor) -> None:
            self.backward_images += len(gradient)

        def through_backbone(_: nn.Module, __: Any, features: Tensor) -> None:
            self.forward_images += len(features)
            if features.requires_grad:
                features.register_hook(backward)

        def through_head(_: nn.Module, inputs: tuple[Tensor], logits: Tensor) -> None:
            if logits.requires_grad and not inputs[0].requires_grad:  # a frozen backbone: the head alone learns
                logits.register_hook(backward)

        handles = [
            model.backbone.register_forward_hook(through_backbone),
            model.head.register_forward_hook(through_head),
        ]

        def stop() -> None:
            for handle in handles:
                handle.remove()

        return stop


def unlearn(
    method: Method, original: FaceClassifier, subsets: dict[str, Faces], settings: PassSettings, run: Run
) -> FaceClassifier:
    """Run a method on a copy of the original model, which stays as it is.

    A loss that is no longer finite ends the method: `run.status` becomes `diverged`, and the copy is returned as it was
    before the bad step, or as the original where its weights or losses are no longer finite.

    Args:
        subsets: at least those of `method.subsets`.
        run: collects what happened.

    Returns:
        The unlearned model in evaluation mode.
    """
    torch.manual_seed(run.seed)
    model = copy.deepcopy(original)
    stop_watching = run.watch(model)
    started = time.perf_counter()
    try:
        method.unlearn(model, settings, run, **{name: subsets[name] for name in method.subsets})
    except Diverged as error:
        run.status, run.note = "diverged", str(error)
    stop_watching()
    run.seconds = time.perf_counter() - started
    model.requires_grad_(True).eval()
    if broken := _broken(model, [subsets[name] for name in method.subsets]):
        run.status, run.note = "diverged", run.note or f"{broken}: lower the method's learning rate"
        return copy.deepcopy(original).requires_grad_(True).eval()
    if run.status == "finished":
        labels = subsets[method.subsets[0]].labels
        run.warning = _ran_away(run.history, RUNAWAY * guess_loss(model.classes, labels))
    return model


def _ran_away(history: list[dict[str, float]], limit: float) -> str:
    """That a loss passed a limit and came back, which no figure of the finished model tells; empty where none did."""
    losses = [(row["loss"], row["step"]) for row in history if "loss" in row]
    worst, step = max(losses, default=(0.0, 0.0))
    if worst <= limit or losses[-1][0] > limit:
        return ""
    where = f"the loss rose to {worst:.0f} at step {step:.0f} and came back"
    return f"{where}: much of what the model knew may be lost, lower the method's learning rate"


def _broken(model: FaceClassifier, given: list[Faces]) -> str:
    """What of a model is not finite, a weight or a loss of a sample of the given subsets; empty where nothing is."""
    if not all(value.isfinite().all() for value in model.state_dict().values()):
        return "a weight became infinite or NaN"
    if not all(losses_of(model, faces.sample(PROBED, seed=0)).isfinite().all() for faces in given):
        return "the losses became infinite or NaN in the last step"
    return ""
