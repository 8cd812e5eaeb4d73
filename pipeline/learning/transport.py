"""Optimal transport cost between two batches of features, differentiable, on POT.

With weights a = 1/n, b = 1/m and a cost matrix M[i, j] = c(x_i, y_j), the plan is

    exact (`emd`):          P* = argmin_P <P, M>               s.t. P 1 = a, Pᵀ 1 = b, P >= 0
    entropic (`sinkhorn`):  P* = argmin_P <P, M> - ε H(P)      same constraints (Cuturi, NeurIPS 2013)

and the cost is <P*, M>. Its gradient is taken with P* held fixed: d<P*, M>/dM = P*, exact for `emd` (envelope
theorem, where the optimal plan is unique), and for `sinkhorn` the gradient of the entropic objective.
Peyré & Cuturi, Computational Optimal Transport, 2019.

Between numbers on a line the optimal plan of a convex cost joins equal ranks (the same book, section 2.6), so that none
has to be found: `shortfall`.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Cost = Literal["cosine", "sqeuclidean"]
Solver = Literal["emd", "sinkhorn"]


def cost_matrix(x: Tensor, y: Tensor, cost: Cost) -> Tensor:
    """Costs [n, m] between features x [n, D] and y [m, D].

    `cosine`: 1 - cos(x_i, y_j), in [0, 2]. `sqeuclidean`: |x_i - y_j|² / D, so that its size does not depend on D.
    """
    x, y = x.float(), y.float()
    if cost == "cosine":
        return 1 - F.normalize(x, dim=1) @ F.normalize(y, dim=1).T
    squares = x.square().sum(1)[:, None] + y.square().sum(1)[None] - 2 * x @ y.T
    return squares.clamp_min(0) / x.shape[1]


def plan(costs: Tensor, solver: Solver, regularisation: float) -> Tensor:
    """Transport plan [n, m] with uniform marginals for costs [n, m]; carries no gradient.

    `emd` is exact and runs on the CPU in double precision; `sinkhorn` (log domain, so that a small ε does not
    underflow) stays on the device. `regularisation` is ε as a share of the largest cost, so that it means the same
    at every scale of the features.
    """
    import ot  # 2.8 s to import: only who transports pays

    with torch.no_grad():
        costs = costs.detach().double()
        n, m = costs.shape
        if solver == "emd":
            matrix = costs.cpu().numpy()
            found = torch.from_numpy(ot.emd(ot.unif(n), ot.unif(m), matrix)).to(costs.device)
        else:
            a, b = costs.new_full((n,), 1 / n), costs.new_full((m,), 1 / m)
            epsilon = regularisation * float(costs.max().clamp_min(1e-12))
            found = ot.sinkhorn(a, b, costs, epsilon, method="sinkhorn_log", numItermax=1000, stopThr=1e-6)
    return found.float()


def transport_cost(
    x: Tensor, y: Tensor, *, cost: Cost = "cosine", solver: Solver = "emd", regularisation: float = 0.05
) -> Tensor:
    """<P*, M> between features x [n, D] and y [m, D]: a scalar with gradient to x and y.

    Args:
        cost: what moving one sample onto another costs.
        solver: exact, or entropic where batches are large.
        regularisation: ε of `sinkhorn`, as a share of the largest cost; unused by `emd`.
    """
    costs = cost_matrix(x, y, cost)
    return (plan(costs, solver, regularisation) * costs).sum()


def shortfall(values: Tensor, wanted: Tensor) -> Tensor:
    """Transport cost from values [n] to wanted values [m] where only rising costs: c(v, w) = max(0, w − v).

    c is convex in w − v, so equal ranks are joined: the mean over i of max(0, w_(i) − v_(i)), with the quantiles of
    `wanted` where n and m differ. Zero where the distribution of `values` lies nowhere below that of `wanted`.

    Returns:
        A scalar with gradient to `values`; `wanted` gets none.
    """
    ranks = (torch.arange(len(values), device=values.device) + 0.5) / len(values)
    targets = torch.quantile(wanted.detach().float(), ranks, interpolation="nearest")
    return (targets - values.float().sort().values).clamp_min(0).mean()
