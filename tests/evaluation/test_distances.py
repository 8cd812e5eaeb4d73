from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import norm

from pipeline.evaluation import distances

RNG = np.random.default_rng(0)
P, Q = (distances.probabilities(RNG.normal(0, 2, (50, 4)), attributes=False) for _ in range(2))


def test_probabilities_are_those_of_the_logits() -> None:
    assert P.shape == (50, 1, 4)
    np.testing.assert_allclose(P.sum(2), 1)
    bits = distances.probabilities(np.array([[0.0, 2.0]]), attributes=True)
    np.testing.assert_allclose(bits[0], [[0.5, 0.5], [1 / (1 + np.exp(2)), 1 / (1 + np.exp(-2))]])


def test_the_divergence_is_scipys_squared_distance_in_bits() -> None:
    wanted = np.mean([jensenshannon(p, q, base=2) ** 2 for p, q in zip(P[:, 0], Q[:, 0], strict=True)])
    assert distances.js_divergence(P, Q) == pytest.approx(wanted)
    assert distances.js_divergence(P, P) == 0
    assert distances.js_divergence(Q, P) == pytest.approx(distances.js_divergence(P, Q))
    sure = distances.probabilities(np.array([[99.0, 0], [0, 99.0]]), attributes=False)
    assert distances.js_divergence(sure, sure[::-1]) == pytest.approx(1)


def test_the_activation_distance_is_euclidean() -> None:
    assert distances.activation_distance(P, P) == 0
    assert distances.activation_distance(P, Q) == pytest.approx(np.linalg.norm((P - Q)[:, 0], axis=1).mean())


def test_klom_is_the_divergence_of_gaussians_with_one_variance() -> None:
    margins, oracles = RNG.normal(0, 1, 30), RNG.normal(0, 1, (4, 30))
    spread = np.sqrt(oracles.var(0, ddof=1).mean())
    xs = np.linspace(-15, 15, 20001)
    wanted = []
    for m, mu in zip(margins, oracles.mean(0), strict=True):
        p = norm.pdf(xs, m, spread)
        wanted.append(np.trapezoid(p * (norm.logpdf(xs, m, spread) - norm.logpdf(xs, mu, spread)), xs))
    assert distances.klom(margins, oracles) == pytest.approx(np.mean(wanted), rel=1e-4)
    assert np.isnan(distances.klom(margins, oracles[:1]))


def test_cka_does_not_see_rotation_and_scale_but_sees_other_features() -> None:
    x = RNG.normal(0, 1, (200, 6))
    rotation, _ = np.linalg.qr(RNG.normal(0, 1, (6, 6)))
    assert distances.cka(x, 3 * x @ rotation + 5) == pytest.approx(1)
    assert np.isnan(distances.cka(np.ones((5, 3)), x[:5]))


def test_cka_is_that_of_the_whole_kernels() -> None:
    """Song et al.'s unbiased HSIC as it is written, with M × M kernels."""

    def hsic(k: np.ndarray, m: np.ndarray) -> float:
        n, one = len(k), np.ones(len(k))
        total = np.trace(k @ m) + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        return float(total - 2 * (one @ k @ m @ one) / (n - 2))

    for count, width, other in ((4, 7, 3), (30, 5, 9), (200, 40, 8)):
        x, y = RNG.normal(2, 1, (count, width)), RNG.normal(0, 3, (count, other))
        y[:, :3] += x[:, :3] * 2
        kernels = [one @ one.T for one in (x - x.mean(0), y - y.mean(0))]
        for kernel in kernels:
            np.fill_diagonal(kernel, 0)
        own = hsic(kernels[0], kernels[0]) * hsic(kernels[1], kernels[1])
        assert distances.cka(x, y) == pytest.approx(hsic(*kernels) / own**0.5, rel=1e-9)


@pytest.mark.parametrize("count", [10, 60, 240])
def test_unrelated_features_are_not_alike_however_few(count: int) -> None:
    rng = np.random.default_rng(1)
    found = [distances.cka(rng.normal(0, 1, (count, 128)), rng.normal(0, 1, (count, 128))) for _ in range(20)]
    assert abs(np.mean(found)) < 0.05
