from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from pipeline.learning.objectives import correctness, divergence, guess_loss, is_multi_label, losses, wrong_labels

DRAW = torch.Generator().manual_seed(0)
LOGITS, OTHERS = torch.randn(6, 3, generator=DRAW), torch.randn(6, 3, generator=DRAW)
CLASSES = torch.tensor([0, 1, 2, 0, 1, 2])
BITS = torch.tensor([[0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 0, 0]])


def test_the_loss_of_a_class_and_of_attributes() -> None:
    torch.testing.assert_close(losses(LOGITS, CLASSES).mean(), F.cross_entropy(LOGITS, CLASSES))
    summed = F.binary_cross_entropy_with_logits(LOGITS, BITS.float(), reduction="sum")
    torch.testing.assert_close(losses(LOGITS, BITS).sum(), summed)
    assert losses(LOGITS, BITS).shape == (6,)
    assert is_multi_label(BITS)
    assert not is_multi_label(CLASSES)


def test_a_uniform_guess_has_the_loss_of_one() -> None:
    zero = torch.zeros(6, 3)
    assert losses(zero, CLASSES).tolist() == pytest.approx([guess_loss(zero.shape[1], CLASSES)] * 6)
    assert losses(zero, BITS).tolist() == pytest.approx([guess_loss(zero.shape[1], BITS)] * 6)
    assert guess_loss(zero.shape[1], BITS) == pytest.approx(3 * math.log(2))


def test_correctness_counts_attributes_one_by_one() -> None:
    logits = torch.where(BITS == 1, 1.0, -1.0)
    assert correctness(logits, BITS).tolist() == [1] * 6
    logits[0, 0] *= -1
    assert correctness(logits, BITS).tolist() == pytest.approx([2 / 3, 1, 1, 1, 1, 1])
    assert correctness(LOGITS, CLASSES).tolist() == (LOGITS.argmax(1) == CLASSES).float().tolist()


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_a_divergence_is_zero_at_home_and_positive_elsewhere(multi_label: bool, temperature: float) -> None:
    knobs = {"multi_label": multi_label, "temperature": temperature}
    assert divergence(LOGITS, LOGITS, **knobs).abs().max() < 1e-5
    assert (divergence(LOGITS, OTHERS, **knobs) > 0).all()


def test_the_divergence_is_that_from_the_reference() -> None:
    expected = F.kl_div(F.log_softmax(LOGITS / 2, 1), F.softmax(OTHERS / 2, 1), reduction="none").sum(1) * 4
    torch.testing.assert_close(divergence(LOGITS, OTHERS, multi_label=False, temperature=2.0), expected)
    p, q = OTHERS.sigmoid(), LOGITS.sigmoid()
    bernoulli = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).sum(1)
    torch.testing.assert_close(divergence(LOGITS, OTHERS, multi_label=True), bernoulli)


def test_no_gradient_goes_to_the_reference() -> None:
    learns, reference = LOGITS.clone().requires_grad_(True), OTHERS.clone().requires_grad_(True)
    divergence(learns, reference, multi_label=False).sum().backward()
    assert learns.grad is not None
    assert reference.grad is None


def test_wrong_labels_are_wrong_and_spread_evenly() -> None:
    labels = torch.arange(4).repeat(3000)
    wrong = wrong_labels(labels, 4, seed=0)
    assert (wrong != labels).all()
    shares = torch.bincount(wrong[labels == 0], minlength=4) / 3000
    assert shares[1:].tolist() == pytest.approx([1 / 3] * 3, abs=0.04)
    bits = BITS.repeat(1000, 1)
    wrong = wrong_labels(bits, 3, seed=0)
    assert (wrong != bits).any(1).all()
    assert set(wrong.unique().tolist()) == {0, 1}
    assert len(wrong[::6].unique(dim=0)) == 7, "each of the others"
