"""Relearn time: how soon a model knows the forget set again.

What was hidden comes back faster than what was never there.
"""

from __future__ import annotations

import copy
from dataclasses import replace

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import losses
from pipeline.learning.training import Updater, losses_of, predict
from pipeline.progress import progress
from pipeline.settings import TrainSettings

SAMPLE = 300  # pictures whose mean loss is watched
EVERY = 5  # steps between two looks


def relearn_steps(
    model: FaceClassifier, forget: Faces, target_loss: float, training: TrainSettings, *, limit: int, seed: int
) -> int | None:
    """Optimiser steps on the forget set until the mean loss on a sample of it is at most the target.

    Args:
        model: left as it is; a copy learns.
        target_loss: that of the original model on `watched(forget, seed)`.
        training: how the original was trained; the copy learns as `slow` makes of it.
        limit: steps after which it is given up.

    Returns:
        A multiple of EVERY, or `limit`; None where the target was not reached.
    """
    settings = slow(training)
    learner = copy.deepcopy(model)
    sample = watched(forget, seed)
    updater = Updater(learner.parameters(), settings, limit)
    batches = forget.endless(settings.batch_size, seed=seed, augment=False)
    with progress("relearning the forget set", limit, "steps") as advance:
        for step in range(limit + 1):
            if step % EVERY == 0 or step == limit:
                loss = float(losses_of(learner, sample, settings.precision).mean())
                advance(0, f"loss {loss:.3f}, wanted {target_loss:.3f}")
                if loss <= target_loss:
                    return step
            if step == limit:
                break
            learner.train()
            pixels, labels = next(batches)
            updater.step(losses(predict(learner, pixels, settings.precision), labels).mean())
            advance()
    return None


def watched(forget: Faces, seed: int) -> Faces:
    """The pictures whose loss says when a model has relearned."""
    return forget.sample(SAMPLE, seed)


def slow(settings: TrainSettings) -> TrainSettings:
    """The training's settings for relearning: a tenth of its rate, constant, so that steps can be counted."""
    return replace(settings, learning_rate=settings.learning_rate / 10, schedule="constant", augment=False)
