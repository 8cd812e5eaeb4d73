"""NegGrad: gradient ascent on the forget set.

    θ ← θ + η ∇ l(θ; forget)

Golatkar et al., CVPR 2020 ("negative gradient"); Choi & Na, AAAI 2025, Table 1. The loss has no upper bound, so two
guards that the papers leave open: a loss that is no longer finite ends the method (see `base`), and, with
`stop_at_chance`, it ends when the batch loss passes that of a uniform guess (ln C): beyond it the forget set stands
out as over-forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import guess_loss, losses
from pipeline.learning.training import Updater, passes, predict
from pipeline.settings import Count, Flag, NonNegative, Positive, TrainSettings
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 3
    learning_rate: Positive = 0.003
    weight_decay: NonNegative = 0.0  # ascent with decay would shrink the weights for another reason
    stop_at_chance: Flag = True


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, forget: Faces) -> None:
    updater = Updater(model.parameters(), settings, settings.epochs * forget.batches(settings.batch_size))
    model.train()
    with run.progress(settings.epochs * len(forget)) as advance:
        for pixels, labels in passes(forget, settings, run.seed):
            logits = predict(model, pixels, settings.precision)
            loss, chance = losses(logits, labels).mean(), guess_loss(model.classes, labels)
            value = run.check(loss)
            run.log(step=updater.steps, loss=value)
            if settings.stop_at_chance and value >= chance:
                run.stop(f"the forget loss passed that of a uniform guess, {chance:.2f}")
                return
            updater.step(-loss)
            advance(len(labels))
