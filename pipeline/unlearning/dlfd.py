"""DLFD: distribution-level feature distancing (Choi & Na, AAAI 2025, arXiv 2409.14747).

Each retain batch x is pushed away from the forget distribution in feature space by signed steps on its pixels, and the
model learns the pushed pictures with their true labels:

    x ← x + α·sign ∇ₓ [ w·OT(f(x), f(x_forget)) − λ·l_CE(x, y) ]       `steps` times (`pipeline.learning.distancing`)
    θ ← θ − η ∇ l_CE(θ; x, y)

λ rises linearly from `classification_weight_start` to `_end` over the part of the pass that may push. Dynamic
forgetting: every `check_every` steps the loss attack is run on forget against validation (`ForgettingCheck`); once the
forgetting score is below `forgetting_threshold` the rest of the pass is cross-entropy on clean retain pictures only.

`variant: paper` is that. `variant: matched`, ours, forgets by a second transport, of losses, in the model's own step,
and keeps what it knew by following the original model θ₀ on retain pictures, clean and pushed:

    θ ← θ − η ∇ [ (1−d)·l_CE(θ; x, y) + d·T²·KL(θ₀/T ‖ θ/T)(x) + m · mean_i max(0, v_(i) − l_(i)(θ; forget)) ]

l_(i) are the sorted losses of a forget batch, v_(i) the quantiles of the losses of validation pictures with the same
label mix: the cost of lifting the distribution of forget losses to that of pictures the model never saw
(`transport.shortfall`). Both pass beside a retain batch in training mode, so that BatchNorm treats them alike; its
running statistics lag behind a model that moves fast, and v of evaluation mode could be thousands of nats, with which
forget, and then the model, went away. Unseen pictures are looked at every `unseen_every` steps, beside the batch of
that step, and the last LOOKS looks together are v. Matching ends after `matching_share` of the pass: nothing of forget
is learned afterwards, and accuracy comes back. Two things keep a small forget set from being over-forgotten:
- Matching also ends when every forget picture was lifted `matching_visits` times: of two noisy batches one lacks
  something even where the distributions are the same, so a small set would be lifted again and again.
- Where it ends so, m is matching_weight · n / batch_size for a forget batch of n, so that a picture weighs the same in
  every batch. In a plain mean each of three would weigh 21 times what it does among 64. (Of larger sets only the last
  batch of an epoch has fewer; m is matching_weight there.)

The original has learned forget, but on retain pictures its softened predictions tell what it knows of faces at large
(Hinton et al., 2015; on the retain side as in SCRUB). d is `distillation_weight`, T `temperature`.

Ours as well, each with its reason and the setting that gives the paper's version (PAPER, which `variant: paper` sets):
- λ ends at 0.02, not 1: at 1 the push writes the label into the noise, and accuracy on clean pictures collapses.
- A pushed picture stays within ε of the clean one.
- With `mix_clean` each model step sees the clean batch beside the pushed one, which keeps accuracy on clean pictures.
- The last `recovery_share` of the pass never pushes: accuracy comes back there.
- Three passes over the retain set, not one, for accuracy.

And in both: the pushing also ends when forget losses are no longer smaller than validation losses (AUC <= 0.5). Pushing
on would over-forget, which the symmetric score 2·|MIA − 0.5| cannot tell from remembering.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from pipeline.data.batches import Batch, Faces
from pipeline.data.subsets import matched
from pipeline.evaluation.forgetting_check import ForgettingCheck
from pipeline.learning.distancing import DistancingSettings, push
from pipeline.learning.distillation import divergence_from
from pipeline.learning.models import FaceClassifier, running_statistics_kept
from pipeline.learning.objectives import correctness, losses
from pipeline.learning.training import Updater, passes, predict
from pipeline.learning.transport import shortfall
from pipeline.settings import Count, Flag, NonNegative, Positive, Temperature, TrainSettings, Unit
from pipeline.unlearning.base import Run

LOOKS = 4  # at unseen pictures that tell together how high their losses are
SHOWN = 8  # pictures of the first pushed batch that a report may show
PAPER: dict[str, Any] = {
    "epochs": 1,
    "classification_weight_end": 1.0,
    "epsilon": 1.0,
    "mix_clean": False,
    "recovery_share": 0.0,
    "matching_weight": 0.0,
    "distillation_weight": 0.0,
}


@dataclass(frozen=True, kw_only=True)
class Settings(DistancingSettings, TrainSettings):
    variant: Literal["matched", "paper"] = "matched"
    epochs: Count = 3
    learning_rate: Positive = 0.1
    classification_weight_start: NonNegative = 0.0
    classification_weight_end: NonNegative = 0.02
    mix_clean: Flag = True
    recovery_share: Unit = 0.9
    matching_weight: NonNegative = 0.5
    matching_share: Unit = 0.5
    matching_visits: Count = 10
    unseen_every: Count = 4
    distillation_weight: Unit = 0.5
    temperature: Temperature = 2.0
    dynamic: Flag = True
    forgetting_threshold: Unit = 0.05
    check_every: Count = 10
    check_images: Count = 500

    def __post_init__(self) -> None:
        """`variant: paper` sets the knobs of PAPER here, so that every record of a run tells what was run."""
        overruled = PAPER if self.variant == "paper" else {}
        if not overruled.get("distillation_weight", self.distillation_weight):
            overruled = {**overruled, "temperature": 1.0}  # of predictions that nobody follows
        for name, value in overruled.items():
            object.__setattr__(self, name, value)


def unlearn(
    model: FaceClassifier, settings: Settings, run: Run, *, retain: Faces, forget: Faces, validation: Faces
) -> None:
    total = settings.epochs * retain.batches(settings.batch_size)
    original = copy.deepcopy(model).eval() if settings.distillation_weight else None
    updater = Updater(model.parameters(), settings, total)
    pushing = _Pushing(forget, validation, settings, run, total)
    forget_batches = forget.endless(settings.batch_size, seed=run.seed, augment=False)
    matching = _Matching(forget, validation, settings, run.seed, total)
    with run.progress(settings.epochs * len(retain)) as advance:
        for pixels, labels in passes(retain, settings, run.seed):
            batch, figures = pixels, pushing.check(model, updater.steps)
            if pushing.goes_on:
                weight = classification_weight(settings, updater.steps / pushing.most)
                others, _ = next(forget_batches)
                pushed, cost = push(model, pixels, labels, others, settings, classification_weight=weight)
                figures |= {"classification_weight": weight, **({} if cost is None else {"ot_cost": cost})}
                run.examples = run.examples or (pixels[:SHOWN].cpu(), pushed[:SHOWN].cpu())
                batch = torch.cat([pixels, pushed]) if settings.mix_clean else pushed
            lifted = matching.draw(model, batch)
            loss, learned = step_loss(model, original, batch, labels, settings, lifted)
            run.log(step=updater.steps, loss=run.check(loss), **learned, distancing=pushing.goes_on, **figures)
            updater.step(loss)
            advance(len(labels), "pushing" if pushing.goes_on else "matching losses" if lifted else "learning alone")


class _Pushing:
    """Whether batches are still pushed: until forget looks as if never seen, or the share that may push is over.

    Attributes:
        most: steps that may push.
        goes_on: whether the next batch is pushed.
    """

    def __init__(self, forget: Faces, validation: Faces, settings: Settings, run: Run, total: int) -> None:
        self.most = total * (1 - settings.recovery_share)
        self.goes_on = True
        self.settings, self.run = settings, run
        self.forgotten = ForgettingCheck(
            forget, validation, images=settings.check_images, seed=run.seed, precision=settings.precision
        )

    def check(self, model: FaceClassifier, step: int) -> dict[str, float]:
        """Decide about a step, by dynamic forgetting where it is time for a check; the figures of the check."""
        if self.goes_on and step >= self.most:
            self._end(step, "the share of the pass that may push is over")
        if not self.goes_on or not self.settings.dynamic or step % self.settings.check_every:
            return {}
        score, auc = self.forgotten(model)
        if score < self.settings.forgetting_threshold or auc <= 0.5:
            self._end(step, f"forgetting score {score:.3f}, AUC {auc:.3f}")
        return {"forgetting_score": score, "forget_auc": auc}

    def _end(self, step: int, why: str) -> None:
        self.goes_on, self.run.note = False, f"pushed {step} batches: {why}"


def classification_weight(settings: Settings, share: float) -> float:
    """λ after a share in [0, 1] of the part of the pass that may push: linear from start to end."""
    start, end = settings.classification_weight_start, settings.classification_weight_end
    return start + (end - start) * share


class Lifted(NamedTuple):
    """What passes the model beside a retain batch for the transport of losses.

    Attributes:
        forget: pictures and labels to forget.
        wanted: losses [n] of unseen pictures, to which theirs are lifted.
        weight: m, of the shortfall beside the loss on retain.
    """

    forget: Batch
    wanted: Tensor
    weight: float


class _Matching:
    """Forget batches and what their losses are lifted to, until the share of the pass or the visits are used up.

    The last LOOKS looks at unseen pictures are what is wanted, all together: a look is dear, and a single one noisy.
    """

    def __init__(self, forget: Faces, validation: Faces, settings: Settings, seed: int, total: int) -> None:
        share = math.ceil(settings.matching_share * total)
        most = settings.matching_visits * forget.batches(settings.batch_size)
        self.ends = min(share, most) if settings.matching_weight else 0
        self.few = most < share
        self.settings, self.step = settings, 0
        self.pictures = len(forget)
        self.looks: deque[Tensor] = deque(maxlen=LOOKS)
        self.forget = forget.endless(settings.batch_size, seed=seed + 1, augment=settings.augment)
        unseen = matched(validation, forget, seed)
        self.unseen = unseen.endless(settings.batch_size, seed=seed + 2, augment=settings.augment)

    def draw(self, model: FaceClassifier, batch: Tensor) -> Lifted | None:
        """What `step_loss` takes beside a retain batch; None once matching has ended."""
        if self.step >= self.ends:
            return None
        if self.step % self.settings.unseen_every == 0:
            self.looks.append(unseen_losses(model, batch, next(self.unseen), self.settings.precision))
        self.step += 1
        pixels, labels = next(self.forget)
        once = slice(self.pictures)  # the only picture of a set comes twice, for BatchNorm, which has a batch beside it
        forget = pixels[once], labels[once]
        share = len(forget[1]) / self.settings.batch_size if self.few else 1.0
        return Lifted(forget, torch.cat([*self.looks]), self.settings.matching_weight * share)


def unseen_losses(model: FaceClassifier, batch: Tensor, unseen: Batch, precision: str) -> Tensor:
    """Losses [n] of pictures that the model never learned, beside a retain batch in training mode.

    Args:
        model: of which nothing changes but the mode.
    """
    pixels, labels = unseen
    model.train()
    with torch.no_grad(), running_statistics_kept(model):
        return losses(predict(model, torch.cat([batch, pixels]), precision)[len(batch) :], labels)


def step_loss(
    model: FaceClassifier,
    original: FaceClassifier | None,
    batch: Tensor,
    labels: Tensor,
    settings: Settings,
    lifted: Lifted | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """What a retain batch teaches and, weighted, what forget losses lack to those of unseen pictures.

    Args:
        original: the model before unlearning, in evaluation mode, whose predictions are followed on retain pictures;
            None: they teach their labels alone.
        batch, labels: retain pictures, clean and pushed in turn, and the labels of the clean ones.
        lifted: None for the retain batch alone.

    Returns:
        The loss; the accuracy on the retain batch, where predictions are followed their divergence (nats times T²),
        and where losses are matched the shortfall (nats).
    """
    model.train()
    if lifted is None:
        return _learned(predict(model, batch, settings.precision), original, batch, labels, settings)
    pixels, forgotten = lifted.forget
    logits = predict(model, torch.cat([batch, pixels]), settings.precision)
    loss, figures = _learned(logits[: len(batch)], original, batch, labels, settings)
    lacking = shortfall(losses(logits[len(batch) :], forgotten), lifted.wanted)
    return loss + lifted.weight * lacking, {**figures, "shortfall": float(lacking.detach())}


def _learned(
    logits: Tensor, original: FaceClassifier | None, batch: Tensor, labels: Tensor, settings: Settings
) -> tuple[Tensor, dict[str, float]]:
    """(1 − d)·l_CE + d·KL_T, and figures of a batch that holds each labelled picture once, or clean and pushed."""
    wanted, share = torch.cat([labels] * (len(logits) // len(labels))), settings.distillation_weight
    loss, figures = losses(logits, wanted).mean(), {"accuracy": float(correctness(logits.detach(), wanted).mean())}
    if original is None:
        return loss, figures
    away = divergence_from(
        original, logits, batch, labels, precision=settings.precision, temperature=settings.temperature
    ).mean()
    return (1 - share) * loss + share * away, {**figures, "divergence": float(away.detach())}
