from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from helpers import make_faces, make_model, same_state, state

from pipeline.learning.distancing import DistancingSettings, push
from pipeline.learning.transport import transport_cost
from pipeline.unlearning.base import Run

PIXELS, LABELS = next(make_faces(12).in_order(12))
OTHERS = next(make_faces(8, seed=1).in_order(8))[0]


def settings(**knobs: Any) -> DistancingSettings:
    return DistancingSettings(**{"precision": "fp32", "epsilon": 0.1, "step_size": 0.02, **knobs})


def cost_to_others(model: Any, pixels: torch.Tensor, cost: Any = "cosine") -> float:
    with torch.no_grad():
        return float(transport_cost(model.features(pixels), model.features(OTHERS), cost=cost))


@pytest.mark.parametrize("cost", ["cosine", "sqeuclidean"])
@pytest.mark.parametrize("solver", ["emd", "sinkhorn"])
def test_a_few_steps_raise_the_cost_to_the_others(cost: Any, solver: Any) -> None:
    model = make_model()
    knobs = settings(cost=cost, solver=solver)
    pushed, _ = push(model, PIXELS, LABELS, OTHERS, knobs)
    assert cost_to_others(model, pushed, cost) > 1.2 * cost_to_others(model, PIXELS, cost)


@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_pushed_pictures_stay_in_the_ball_and_in_range(weight: float) -> None:
    knobs = settings(steps=20, step_size=0.03, epsilon=0.05)
    pushed, _ = push(make_model(), PIXELS, LABELS, OTHERS, knobs, classification_weight=weight)
    assert (pushed - PIXELS).abs().max() <= 0.05 + 1e-6
    assert pushed.min() >= 0
    assert pushed.max() <= 1
    assert (pushed - PIXELS).abs().max() > 0.04  # the bound is what held it


def test_nothing_pushes_where_both_weights_are_zero() -> None:
    pushed, cost = push(make_model(), PIXELS, LABELS, OTHERS, settings(ot_weight=0))
    assert torch.equal(pushed, PIXELS)
    assert cost is None


def test_without_transport_a_step_is_signed_descent_on_the_classification_loss() -> None:
    model, knobs = make_model(), settings(ot_weight=0, steps=1, step_size=0.01)
    pushed, _ = push(model, PIXELS, LABELS, OTHERS, knobs, classification_weight=0.7)
    pixels = PIXELS.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(F.cross_entropy(model(pixels), LABELS), pixels)
    expected = (PIXELS - 0.01 * gradient.sign()).clamp(0, 1)
    torch.testing.assert_close(pushed, expected)


def test_with_transport_alone_a_step_is_signed_ascent_on_its_cost() -> None:
    model, knobs = make_model(), settings(steps=1, step_size=0.01)
    pushed, cost = push(model, PIXELS, LABELS, OTHERS, knobs)
    pixels = PIXELS.clone().requires_grad_(True)
    term = transport_cost(model.features(pixels), model.features(OTHERS).detach())
    (gradient,) = torch.autograd.grad(term, pixels)
    torch.testing.assert_close(pushed, (PIXELS + 0.01 * gradient.sign()).clamp(0, 1))
    assert cost == pytest.approx(float(term.detach()))


def test_a_random_push_is_as_far_as_a_push_may_go_and_asks_no_model() -> None:
    model, run = make_model(), Run(seed=0)
    stop = run.watch(model)
    knobs = settings(direction="random", steps=2, step_size=0.02, epsilon=0.1)
    torch.manual_seed(0)
    pushed, cost = push(model, PIXELS, LABELS, OTHERS, knobs, classification_weight=1)
    stop()
    inside = (PIXELS > 0.04) & (PIXELS < 0.96)
    torch.testing.assert_close((pushed - PIXELS).abs()[inside], torch.full_like(PIXELS, 0.04)[inside])
    assert abs(float((pushed - PIXELS).sign()[inside].mean())) < 0.1, "up as often as down"
    assert (run.forward_images, cost) == (0, None)
    far, _ = push(model, PIXELS, LABELS, OTHERS, settings(direction="random", steps=50, epsilon=0.05))
    assert (far - PIXELS).abs().max() <= 0.05 + 1e-6
    assert far.min() >= 0
    assert far.max() <= 1


def test_no_steps_give_a_second_clean_copy() -> None:
    pushed, cost = push(make_model(), PIXELS, LABELS, OTHERS, settings(steps=0))
    assert torch.equal(pushed, PIXELS)
    assert cost is None


def test_the_weights_scale_their_terms() -> None:
    # 2·OT − 2·CE pushes exactly as OT − CE: the sign of a gradient does not know its length
    model = make_model()
    one, _ = push(model, PIXELS, LABELS, OTHERS, settings(ot_weight=1), classification_weight=1)
    two, _ = push(model, PIXELS, LABELS, OTHERS, settings(ot_weight=2), classification_weight=2)
    heavy, _ = push(model, PIXELS, LABELS, OTHERS, settings(ot_weight=50), classification_weight=1)
    torch.testing.assert_close(one, two)
    assert not torch.allclose(one, heavy)
    assert cost_to_others(model, heavy) > cost_to_others(model, one)


def test_a_push_leaves_the_model_as_it_was() -> None:
    model = make_model().train()
    before = state(model)
    push(model, PIXELS, LABELS, OTHERS, settings(), classification_weight=1)
    assert same_state(before, state(model))
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_what_does_not_change_is_computed_once() -> None:
    model, run = make_model(), Run(seed=0)
    stop = run.watch(model)
    push(model, PIXELS, LABELS, OTHERS, settings(steps=7), classification_weight=1)
    stop()
    assert run.forward_images == len(OTHERS) + 7 * len(PIXELS)
    assert run.backward_images == 7 * len(PIXELS)
