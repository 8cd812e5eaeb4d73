"""DLFD's transport of losses: what forget is lifted to, beside what, how often."""

from __future__ import annotations

import copy
import math
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from dlfd_runs import LABELS, PIXELS, memorised, run_dlfd, settings, wanted
from helpers import make_faces, make_model, same_state, state

from pipeline.learning.training import losses_of
from pipeline.unlearning import dlfd
from pipeline.unlearning.base import Run


def test_matching_lifts_forget_losses_to_those_of_unseen_pictures_and_no_further() -> None:
    model, forget, unseen = memorised()
    before, goal = losses_of(model, forget).mean(), losses_of(model, unseen).mean()
    assert before < 0.5 * goal
    found = {}
    for weight in (0.0, 2.0):
        one, run = copy.deepcopy(model), Run(seed=0)
        knobs = settings(
            matching_weight=weight, matching_share=1.0, steps=0, epochs=16, learning_rate=0.02, augment=False
        )
        dlfd.unlearn(one, knobs, run, retain=make_faces(64), forget=forget, validation=unseen)
        found[weight] = float(losses_of(one, forget).mean() / losses_of(one, unseen).mean())
    assert found[0.0] < 0.75
    assert 0.82 < found[2.0] < 1.2, "matched as training sees them, and nearly so in evaluation mode"


def test_the_shortfall_is_weighed_beside_the_loss_on_retain() -> None:
    model, knobs = make_model(), settings()
    unseen, forget = next(make_faces(8, seed=1).in_order(8)), next(make_faces(8, seed=2).in_order(8))
    plain = F.cross_entropy(copy.deepcopy(model).train()(torch.cat([PIXELS, forget[0]]))[: len(PIXELS)], LABELS)
    beside = dlfd.Lifted(forget, wanted(model, PIXELS, unseen), weight=3.0)
    lifted, figures = dlfd.step_loss(model, None, PIXELS, LABELS, knobs, beside)
    assert figures["shortfall"] > 0
    assert float(lifted.detach()) == pytest.approx(float(plain.detach()) + 3.0 * figures["shortfall"], rel=1e-5)


@pytest.mark.parametrize(
    ("count", "weights"),
    [
        (1, [1 / 16] * 2),
        (4, [4 / 16] * 2),
        (16, [1.0] * 2),
        (20, [16 / 16, 4 / 16, 16 / 16, 4 / 16]),
        (40, [1.0] * 4),  # is matched to the end of its share, not of its visits
    ],
)
def test_a_picture_of_a_small_forget_set_weighs_the_same_in_every_batch(
    count: int, weights: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a plain mean three pictures would weigh as much as 64, and one person be over-forgotten (few_persons.py)."""
    given, plain = [], dlfd.step_loss

    def step_loss(*args: Any) -> Any:
        given.append(args[-1].weight if args[-1] else None)
        return plain(*args)

    monkeypatch.setattr(dlfd, "step_loss", step_loss)
    knobs = settings(matching_weight=0.5, matching_share=1.0 if count < 40 else 0.5, matching_visits=2, epochs=2)
    subsets = {"retain": make_faces(64), "forget": make_faces(count, seed=1), "validation": make_faces(100, seed=2)}
    dlfd.unlearn(make_model(), knobs, Run(seed=0), **subsets)
    assert [weight for weight in given if weight is not None] == pytest.approx([0.5 * share for share in weights])


def test_what_is_high_enough_is_not_lifted_and_nothing_is_learned_of_unseen_pictures() -> None:
    model, knobs = make_model(), settings()
    expected = copy.deepcopy(model).train()
    pixels, others = make_faces(8, seed=1).pixels(torch.arange(8)), make_faces(8, seed=2).pixels(torch.arange(8))
    logits = expected(torch.cat([PIXELS, pixels]))
    forget = pixels, logits[len(PIXELS) :].argmin(1)  # labels that the model finds least likely: high losses
    beside = copy.deepcopy(model).train()(torch.cat([PIXELS, others]))[len(PIXELS) :]
    unseen = others, beside.argmax(1)  # and those that it would give: low ones
    told = wanted(model, PIXELS, unseen)
    assert not told.requires_grad
    loss, figures = dlfd.step_loss(model, None, PIXELS, LABELS, knobs, dlfd.Lifted(forget, told, weight=3.0))
    assert figures["shortfall"] == 0
    loss.backward()
    F.cross_entropy(logits[: len(PIXELS)], LABELS).backward()
    for own, other in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad)
    assert same_state(state(model), state(expected)), "unseen pictures leave the statistics alone"


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_what_is_wanted_does_not_depend_on_running_statistics_that_lag_behind(factor: float) -> None:
    """In evaluation mode the losses of unseen pictures would be of another model, thousands of nats in the worst case:
    forget was lifted there, and the model was lost (MUFAC, published split)."""
    unseen = next(make_faces(8, seed=2).in_order(8))
    sound, lagging = make_model(), make_model()
    for name, buffer in lagging.named_buffers():
        if name.endswith("running_var"):
            buffer.mul_(factor)
    expected, found = (wanted(model, PIXELS, unseen) for model in (sound, lagging))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


def test_forget_and_unseen_pass_alike_beside_the_retain_batch() -> None:
    """The same pictures on both sides lack nothing."""
    batch = next(make_faces(8, seed=1).in_order(8))
    model = make_model()
    beside = dlfd.Lifted(batch, wanted(model, PIXELS, batch), weight=1.0)
    _, figures = dlfd.step_loss(model, None, PIXELS, LABELS, settings(), beside)
    assert figures["shortfall"] == pytest.approx(0, abs=1e-6)


def test_unseen_pictures_are_looked_at_now_and_then_and_the_last_looks_are_what_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked, beside, pictures, batches, given = [], [], [], [], []
    plain = dlfd.step_loss

    def unseen_losses(model: Any, batch: torch.Tensor, unseen: Any, precision: str) -> torch.Tensor:
        looked.append(len(given))
        beside.append(batch)
        pictures.append(unseen[0])
        return torch.full((16,), float(len(looked)))

    def step_loss(*args: Any) -> Any:
        batches.append(args[2])
        given.append(sorted(set(args[-1].wanted.tolist())) if args[-1] else None)
        return plain(*args)

    monkeypatch.setattr(dlfd, "unseen_losses", unseen_losses)
    monkeypatch.setattr(dlfd, "step_loss", step_loss)
    run_dlfd(matching_weight=0.5, matching_share=0.75, unseen_every=2, epochs=4)  # 16 steps, of which 12 match
    assert looked == [0, 2, 4, 6, 8, 10]
    assert given[:12:2] == given[1:12:2] == [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]]
    assert given[12:] == [None] * 4
    assert all(one is batches[step] for one, step in zip(beside, looked, strict=True)), "beside the batch of its step"
    assert not any(torch.equal(one, other) for one, other in pairwise(pictures)), "each time others"


@pytest.mark.parametrize("count", [1, 3])
def test_matching_takes_forget_sets_of_very_few_pictures(count: int) -> None:
    model, run = make_model(), Run(seed=0)
    subsets = {"retain": make_faces(64), "forget": make_faces(count, seed=1), "validation": make_faces(100, seed=2)}
    dlfd.unlearn(model, settings(matching_weight=0.5, matching_share=1.0), run, **subsets)
    assert all(math.isfinite(row["shortfall"]) for row in run.history)


def test_the_only_picture_to_forget_is_lifted_once_and_to_the_median(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice in a batch, as BatchNorm wants it that has nothing beside it, it would be lifted to the upper quartile."""
    batches, plain = [], dlfd.step_loss

    def step_loss(*args: Any) -> Any:
        batches.append(args[-1].forget)
        return plain(*args)

    monkeypatch.setattr(dlfd, "step_loss", step_loss)
    subsets = {"retain": make_faces(64), "forget": make_faces(1, seed=1), "validation": make_faces(100, seed=2)}
    dlfd.unlearn(make_model(), settings(matching_weight=0.5, matching_share=1.0), Run(seed=0), **subsets)
    assert [(len(pixels), len(labels)) for pixels, labels in batches] == [(1, 1)] * 4


@pytest.mark.parametrize(("share", "matched"), [(0.0, 0), (0.5, 4), (0.51, 5), (1.0, 8)])
def test_matching_ends_after_its_share_of_the_pass(share: float, matched: int) -> None:
    _, run = run_dlfd(matching_weight=0.5, matching_share=share, epochs=2)
    assert ["shortfall" in row for row in run.history] == [True] * matched + [False] * (8 - matched)


@pytest.mark.parametrize(("count", "matched"), [(8, 3), (16, 3), (20, 6), (64, 8)])
def test_a_small_forget_set_is_matched_so_many_times_and_no_more(count: int, matched: int) -> None:
    run, knobs = Run(seed=0), settings(matching_weight=0.5, matching_share=1.0, matching_visits=3, epochs=2)
    subsets = {"retain": make_faces(64), "forget": make_faces(count, seed=1), "validation": make_faces(100, seed=2)}
    dlfd.unlearn(make_model(), knobs, run, **subsets)
    assert ["shortfall" in row for row in run.history] == [True] * matched + [False] * (8 - matched)
