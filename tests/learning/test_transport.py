from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from pipeline.learning.transport import cost_matrix, plan, shortfall, transport_cost

SOLVERS = ("emd", "sinkhorn")
COSTS = ("cosine", "sqeuclidean")


def features(count: int, seed: int, dimension: int = 8) -> Tensor:
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize(("n", "m"), [(6, 6), (5, 9)])
def test_the_plan_has_uniform_marginals(solver: str, cost: str, n: int, m: int) -> None:
    found = plan(cost_matrix(features(n, 0), features(m, 1), cost), solver, 0.05)
    assert (found >= 0).all()
    torch.testing.assert_close(found.sum(1), torch.full((n,), 1 / n), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.sum(0), torch.full((m,), 1 / m), atol=1e-4, rtol=0)


@pytest.mark.parametrize("cost", COSTS)
def test_the_exact_cost_is_the_best_assignment(cost: str) -> None:
    x, y = features(7, 0), features(7, 1)
    costs = cost_matrix(x, y, cost).numpy()
    rows, columns = linear_sum_assignment(costs)
    assert float(transport_cost(x, y, cost=cost)) == pytest.approx(costs[rows, columns].mean(), rel=1e-5)


def test_the_entropic_cost_tends_to_the_exact_one_from_above() -> None:
    x, y = features(8, 0), features(8, 1)
    exact = float(transport_cost(x, y))
    costs = [float(transport_cost(x, y, solver="sinkhorn", regularisation=e)) for e in (0.5, 0.05, 0.005)]
    assert costs[0] > costs[1] > costs[2] > exact - 1e-4
    assert costs[2] == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cost", COSTS)
def test_moving_a_set_onto_itself_is_cheaper_than_onto_another(solver: str, cost: str) -> None:
    x, y = features(6, 0), features(6, 1) + 3
    kwargs = {"solver": solver, "cost": cost, "regularisation": 0.01}
    assert transport_cost(x, x, **kwargs) < 0.1 * transport_cost(x, y, **kwargs)


def test_the_gradient_agrees_with_finite_differences() -> None:
    # away from a change of plan the cost is smooth, so the envelope theorem must hold
    x, y = features(4, 2), features(4, 3)
    x.requires_grad_(True)
    (gradient,) = torch.autograd.grad(transport_cost(x, y, cost="sqeuclidean"), x)
    step = 1e-2
    for i, j in [(0, 0), (3, 5)]:
        up, down = x.detach().clone(), x.detach().clone()
        up[i, j] += step
        down[i, j] -= step
        slope = (transport_cost(up, y, cost="sqeuclidean") - transport_cost(down, y, cost="sqeuclidean")) / (2 * step)
        assert float(gradient[i, j]) == pytest.approx(float(slope), rel=1e-2, abs=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cost", COSTS)
def test_every_sample_has_a_gradient(solver: str, cost: str) -> None:
    x, y = features(12, 0).requires_grad_(True), features(8, 1)
    (gradient,) = torch.autograd.grad(transport_cost(x, y, solver=solver, cost=cost), x)
    assert (gradient.abs().sum(1) > 0).all()


def test_cosine_costs_ignore_length_and_squares_do_not() -> None:
    x, y = features(3, 0), features(3, 1)
    torch.testing.assert_close(cost_matrix(5 * x, y, "cosine"), cost_matrix(x, y, "cosine"))
    assert not torch.allclose(cost_matrix(5 * x, y, "sqeuclidean"), cost_matrix(x, y, "sqeuclidean"))
    by_hand = ((x[:, None] - y[None]) ** 2).mean(-1)
    torch.testing.assert_close(cost_matrix(x, y, "sqeuclidean"), by_hand)


def test_half_precision_features_are_transported_in_full() -> None:
    x, y = features(6, 0).bfloat16(), features(6, 1).bfloat16()
    assert transport_cost(x, y).dtype == torch.float32
    assert np.isfinite(float(transport_cost(x, y, solver="sinkhorn", regularisation=1e-3)))


def test_shortfall_is_the_optimal_transport_cost_where_only_rising_costs() -> None:
    generator = torch.Generator().manual_seed(0)
    values, wanted = torch.rand(12, generator=generator), torch.rand(12, generator=generator) + 0.2
    costs = (wanted[None] - values[:, None]).clamp_min(0)
    assert float(shortfall(values, wanted)) == pytest.approx(float((plan(costs, "emd", 0.05) * costs).sum()), abs=1e-6)


def test_shortfall_knows_one_direction_and_other_sizes() -> None:
    values = torch.tensor([3.0, 1.0, 2.0])
    assert float(shortfall(values, torch.tensor([0.5, 0.9]))) == 0, "above everything that is wanted"
    assert float(shortfall(values, torch.tensor([2.0, 3.0, 4.0]))) == pytest.approx(1.0)
    assert float(shortfall(values, torch.full((100,), 2.5))) == pytest.approx((1.5 + 0.5) / 3)
    values.requires_grad_(True)
    shortfall(values, torch.full((7,), 2.5)).backward()
    assert values.grad is not None
    assert values.grad.tolist() == pytest.approx([0, -1 / 3, -1 / 3])
