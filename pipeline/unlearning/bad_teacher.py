"""Bad teaching: a student that follows the original model on retain pictures and a random one on forget pictures.

    l(x) = (1 − u) · KL(competent(x) ‖ student(x)) + u · KL(incompetent(x) ‖ student(x)),      u = 1 on forget

Chundawat, Tarun, Mandal & Kankanhalli, "Can Bad Teaching Induce Forgetting? Unlearning in Deep Networks using an
Incompetent Teacher", AAAI 2023, equation 3. The student starts as the original, which is the competent teacher; the
incompetent one has its architecture and fresh weights. Both sets are shuffled into one; the paper uses a share of the
retain set.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline.data.batches import Faces
from pipeline.learning.models import FaceClassifier, fresh_like
from pipeline.learning.objectives import divergence, is_multi_label
from pipeline.learning.training import Updater, passes, predict
from pipeline.settings import Count, Positive, Temperature, TrainSettings, Unit
from pipeline.unlearning.base import Run


@dataclass(frozen=True, kw_only=True)
class Settings(TrainSettings):
    epochs: Count = 1
    learning_rate: Positive = 0.02
    temperature: Temperature = 1.0
    retain_share: Unit = 0.3


def unlearn(model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces, forget: Faces) -> None:
    competent, incompetent = copy.deepcopy(model).eval(), fresh_like(model).eval()
    multi_label = is_multi_label(retain.labels)
    kept = retain.sample(max(1, round(settings.retain_share * len(retain))), run.seed)
    mixed = _marked(kept, 0).joined(_marked(forget, 1))
    updater = Updater(model.parameters(), settings, settings.epochs * mixed.batches(settings.batch_size))
    model.train()
    with run.progress(settings.epochs * len(mixed)) as advance:
        for pixels, is_forget in passes(mixed, settings, run.seed):
            with torch.no_grad():
                good, bad = (predict(teacher, pixels, settings.precision) for teacher in (competent, incompetent))
            wanted = torch.where(is_forget[:, None] == 1, bad, good)
            logits = predict(model, pixels, settings.precision)
            each = divergence(logits, wanted, multi_label=multi_label, temperature=settings.temperature)
            loss = each.mean()
            run.log(step=updater.steps, loss=run.check(loss), **_by_side(each.detach(), is_forget))
            updater.step(loss)
            advance(len(pixels))


def _marked(faces: Faces, side: int) -> Faces:
    """The same pictures; in place of a label, which side they are on."""
    return replace(faces, labels=torch.full((len(faces),), side, device=faces.device))


def _by_side(divergences: Tensor, is_forget: Tensor) -> dict[str, float]:
    sides = {"retain_divergence": divergences[is_forget == 0], "forget_divergence": divergences[is_forget == 1]}
    return {name: float(values.mean()) for name, values in sides.items() if len(values)}
