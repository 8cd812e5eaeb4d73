"""Optimal transport: the exact plan against the entropic one, time and error, at the sizes of batches.

The error of a plan P is (<P, M> - <P*, M>) / <P*, M>; its marginal error is the greatest gap to uniform weights, as a
share of a weight. What DLFD takes from a plan is the sign of a gradient: how often it has that of the exact plan's
gradient to the features is told as well (.5 is a coin).

    python -m benchmarks.transport
"""

from __future__ import annotations

import importlib.util
from functools import partial

import torch
import typer
from torch import Tensor

from benchmarks import measure
from pipeline.learning.transport import cost_matrix, plan

SIZES = (32, 64, 128, 256, 512, 1024)
REGULARISATIONS = (0.05, 0.01)


def main(repeats: measure.Count = 9, width: measure.Count = 512) -> None:
    """A row a size: features as ResNet18's after its ReLU, two clouds half a standard deviation apart."""
    if not importlib.util.find_spec("ot"):
        typer.echo("transport: skipped, it compares solvers of POT, which is not installed here (pip install pot)")
        return
    device, rows = measure.device(), []
    generator = torch.Generator().manual_seed(0)
    for size in SIZES:
        x, y = (torch.randn(size, width, generator=generator) for _ in range(2))
        x, y = x.relu().to(device).requires_grad_(True), (y + 0.5).relu().to(device)
        costs = cost_matrix(x, y, "cosine")
        solvers = {"emd": partial(plan, costs, "emd", 0.0)}
        solvers |= {f"sinkhorn {share}": partial(plan, costs, "sinkhorn", share) for share in REGULARISATIONS}
        seconds = measure.interleaved(solvers, repeats, device)
        exact = solvers["emd"]()
        for name, solve in solvers.items():
            found = solve()
            rows.append(
                {
                    "samples": size,
                    "solver": name,
                    "ms": measure.summary([1000 * one for one in seconds[name]]),
                    "error": float((found * costs).sum().detach() / (exact * costs).sum().detach() - 1),
                    "marginal error": _marginal_error(found),
                    "same signs": _same_signs(found, exact, costs, x),
                }
            )
    measure.report("transport", device, rows, repeats=repeats, setting=f"cosine cost of features of width {width}")


def _same_signs(found: Tensor, exact: Tensor, costs: Tensor, x: Tensor) -> float:
    """Share of the entries of x at which both plans' costs rise or fall alike."""
    (own,), (true,) = (torch.autograd.grad((one * costs).sum(), x, retain_graph=True) for one in (found, exact))
    return float((own.sign() == true.sign()).float().mean())


def _marginal_error(found: Tensor) -> float:
    n, m = found.shape
    return max(float((found.sum(1) * n - 1).abs().max()), float((found.sum(0) * m - 1).abs().max()))


if __name__ == "__main__":
    measure.program(main)
