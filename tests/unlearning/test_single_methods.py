"""What each method alone promises, by its paper; the faults of the released code would fail here."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from helpers import CLASSES, SIDE, make_model, make_subsets, same_state, state

from pipeline.errors import ConfigError
from pipeline.models import FaceClassifier
from pipeline.objectives import divergence, losses, wrong_labels
from pipeline.settings import TrainSettings
from pipeline.training import Updater, fit, logits_of, losses_of
from pipeline.unlearning import (
    bad_teacher,
    cf_k,
    eu_k,
    l1_sparse,
    muda,
    neggrad_plus,
    salun,
    scrub,
    ssd,
    unsir,
)
from pipeline.unlearning.base import Run

SUBSETS = make_subsets()
RETAIN, FORGET, VALIDATION = SUBSETS["retain"], SUBSETS["forget"], SUBSETS["validation"]
QUICK: dict[str, Any] = {"batch_size": 16, "precision": "fp32", "augment": False}


@pytest.fixture
def model() -> FaceClassifier:
    """It has memorised retain and forget."""
    model = make_model()
    fit(model, RETAIN.joined(FORGET), TrainSettings(**QUICK, epochs=40, learning_rate=0.05), seed=0)
    return model


def of(state: dict[str, torch.Tensor], *prefixes: str) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if name.startswith(prefixes)}


@pytest.mark.parametrize("method", [cf_k, eu_k])
def test_the_frozen_part_is_bit_identical_statistics_included(method: Any, model: FaceClassifier) -> None:
    before = state(model)
    method.unlearn(model, method.Settings(**QUICK, epochs=3, k=1), Run(seed=0), retain=RETAIN)
    after = state(model)
    assert same_state(of(before, "backbone"), of(after, "backbone"))
    assert not same_state(of(before, "head"), of(after, "head"))
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_all_blocks_may_move_where_k_says_so(model: FaceClassifier) -> None:
    before = state(model)
    cf_k.unlearn(model, cf_k.Settings(**QUICK, epochs=1, k=2), Run(seed=0), retain=RETAIN)
    assert not torch.equal(before["backbone.1.running_mean"], state(model)["backbone.1.running_mean"])


def test_the_head_of_eu_k_is_really_new(model: FaceClassifier) -> None:
    old = model.head.weight.detach().clone()
    eu_k.unlearn(model, eu_k.Settings(**QUICK, epochs=1, learning_rate=1e-9, k=1), Run(seed=0), retain=RETAIN)
    assert not torch.isclose(old, model.head.weight).any()
    bound = 1 / model.head.in_features**0.5
    assert model.head.weight.abs().max() <= bound + 1e-6, "as a fresh linear layer"


@pytest.mark.parametrize("method", [cf_k, eu_k])
def test_more_blocks_than_there_are_is_refused(method: Any, model: FaceClassifier) -> None:
    with pytest.raises(ConfigError, match=r"k is 9.*2 blocks"):
        method.unlearn(model, method.Settings(**QUICK, k=9), Run(seed=0), retain=RETAIN)


def test_l1_shrinks_the_weights_more_than_fine_tuning(model: FaceClassifier) -> None:
    norms = []
    for weight in (0.0, 1e-3):
        copied = copy.deepcopy(model)
        knobs = l1_sparse.Settings(**QUICK, epochs=5, l1_weight=weight)
        l1_sparse.unlearn(copied, knobs, Run(seed=0), retain=RETAIN)
        norms.append(float(l1_sparse.l1_norm(copied).detach()))
    assert norms[1] < norms[0]


def test_neggrad_plus_raises_forget_and_keeps_retain(model: FaceClassifier) -> None:
    before = [float(losses_of(model, faces).mean()) for faces in (RETAIN, FORGET)]
    knobs = neggrad_plus.Settings(**QUICK, epochs=10, retain_weight=0.8)
    neggrad_plus.unlearn(model, knobs, Run(seed=0), retain=RETAIN, forget=FORGET)
    after = [float(losses_of(model, faces).mean()) for faces in (RETAIN, FORGET)]
    assert after[0] < before[0] + 0.1
    assert after[1] > before[1] + 0.2


def test_with_all_weight_on_retain_neggrad_plus_is_fine_tuning_beside_forget(model: FaceClassifier) -> None:
    one, run = copy.deepcopy(model), Run(seed=0)
    knobs = neggrad_plus.Settings(**QUICK, epochs=5, retain_weight=1.0)
    neggrad_plus.unlearn(one, knobs, run, retain=RETAIN, forget=FORGET)
    assert float(losses_of(one, RETAIN).mean()) < float(losses_of(model, RETAIN).mean())


def test_every_label_is_wrong_and_the_same_at_each_visit() -> None:
    wrong = wrong_labels(FORGET.labels, CLASSES, seed=0)
    assert (wrong != FORGET.labels).all()
    assert wrong.unique().tolist() == [0, 1, 2]
    assert torch.equal(wrong, wrong_labels(FORGET.labels, CLASSES, seed=0))


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_salun_moves_masked_weights_only(model: FaceClassifier, share: float) -> None:
    start = [parameter.detach().clone() for parameter in model.parameters()]
    knobs = salun.Settings(**QUICK, epochs=3, learning_rate=0.1, saliency_share=share)
    masks = salun.saliency_masks(model, FORGET, knobs)
    total = sum(mask.numel() for mask in masks)
    assert sum(int(mask.sum()) for mask in masks) == pytest.approx(share * total, abs=1)
    salun.unlearn(model, knobs, Run(seed=0), retain=RETAIN, forget=FORGET)
    for parameter, original, mask in zip(model.parameters(), start, masks, strict=True):
        assert torch.equal(parameter[~mask], original[~mask])
    moved = sum(int((p != o).sum()) for p, o in zip(model.parameters(), start, strict=True))
    assert moved >= 0.9 * share * total


def test_salient_weights_have_the_greater_gradients(model: FaceClassifier) -> None:
    masks = salun.saliency_masks(model, FORGET, salun.Settings(**QUICK, saliency_share=0.3))
    losses(model(FORGET.pixels(torch.arange(len(FORGET)))), FORGET.labels).mean().backward()
    gradients = [parameter.grad.abs() for parameter in model.parameters() if parameter.grad is not None]
    inside = torch.cat([g[m] for g, m in zip(gradients, masks, strict=True)])
    outside = torch.cat([g[~m] for g, m in zip(gradients, masks, strict=True)])
    assert inside.min() >= outside.max() - 1e-6


def test_ssd_dampens_where_forget_matters_more_and_nowhere_else(model: FaceClassifier) -> None:
    start = [parameter.detach().clone() for parameter in model.parameters()]
    draw = torch.Generator().manual_seed(0)
    every = [torch.rand(p.shape, generator=draw) for p in start]
    ours = [torch.rand(p.shape, generator=draw) * 4 for p in start]
    share = ssd.dampen(model, ours, every, ssd.Settings(selection_weight=2.0, dampening=1.5))
    for parameter, original, i_forget, i_all in zip(model.parameters(), start, ours, every, strict=True):
        selected = i_forget > 2.0 * i_all
        torch.testing.assert_close(parameter[~selected], original[~selected], rtol=0, atol=0)
        expected = original * (1.5 * i_all / i_forget).clamp_max(1)
        torch.testing.assert_close(parameter[selected], expected[selected])
    assert 0 < share < 1


def test_importance_is_the_mean_squared_gradient(model: FaceClassifier) -> None:
    found = ssd.importance(model, FORGET, ssd.Settings(**{**QUICK, "batch_size": 2}), Run(seed=0))
    model.eval()
    expected = [torch.zeros_like(parameter) for parameter in model.parameters()]
    for pixels, labels in FORGET.epoch(2, seed=0, epoch=0, augment=False):
        gradients = torch.autograd.grad(losses(model(pixels), labels).mean(), list(model.parameters()))
        for total, gradient in zip(expected, gradients, strict=True):
            total += gradient**2 / 10
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_the_student_comes_near_the_right_teacher_on_each_side(model: FaceClassifier) -> None:
    original = copy.deepcopy(model)
    run = Run(seed=0)
    torch.manual_seed(0)
    knobs = bad_teacher.Settings(**QUICK, epochs=40, learning_rate=0.1, retain_share=1.0)
    bad_teacher.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)

    def apart(faces: Any) -> float:
        return float(divergence(logits_of(model, faces), logits_of(original, faces), multi_label=False).mean())

    assert apart(RETAIN) < 0.1
    assert apart(FORGET) > 0.3
    forget_rows = [row["forget_divergence"] for row in run.history if "forget_divergence" in row]
    assert forget_rows[-1] < 0.2 * forget_rows[0], "near the incompetent teacher"


def test_scrub_goes_away_on_forget_and_comes_back_on_retain(model: FaceClassifier) -> None:
    teacher = copy.deepcopy(model).eval()
    knobs = scrub.Settings(**QUICK, epochs=3, learning_rate=0.05, schedule="constant")

    def apart(faces: Any) -> float:
        return float(divergence(logits_of(model, faces), logits_of(teacher, faces), multi_label=False).mean())

    updater, run = Updater(model.parameters(), knobs, 100), Run(seed=0)
    assert apart(FORGET) == pytest.approx(0, abs=1e-6)
    for epoch in range(3):
        scrub.max_epoch(model, teacher, FORGET, knobs, run, updater, epoch, lambda _: None)
    away = apart(FORGET)
    assert away > 0.05
    retain_before = float(losses_of(model, RETAIN).mean())
    for epoch in range(3):
        scrub.min_epoch(model, teacher, RETAIN, knobs, run, updater, epoch, lambda _: None)
    assert float(losses_of(model, RETAIN).mean()) < retain_before


@pytest.mark.parametrize(("msteps", "epochs", "ascents"), [(0, 2, 0), (1, 3, 1), (2, 3, 2), (9, 2, 2)])
def test_scrub_ascends_in_as_many_epochs_as_msteps_says(
    model: FaceClassifier, msteps: int, epochs: int, ascents: int
) -> None:
    run = Run(seed=0)
    knobs = scrub.Settings(**QUICK, epochs=epochs, msteps=msteps, learning_rate=1e-4)
    scrub.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET, validation=VALIDATION)
    assert sum("forget_divergence" in row for row in run.history) == ascents * FORGET.batches(16)


def test_scrub_rewinds_from_too_much_forgetting(model: FaceClassifier) -> None:
    knobs = {**QUICK, "epochs": 6, "msteps": 6, "learning_rate": 0.2, "schedule": "constant"}
    ends = {}
    for rewind in (False, True):
        copied, run = copy.deepcopy(model), Run(seed=0)
        scrub.unlearn(
            copied, scrub.Settings(**knobs, rewind=rewind), run, retain=RETAIN, forget=FORGET, validation=VALIDATION
        )
        ends[rewind] = float(losses_of(copied, FORGET).mean())
    assert ends[True] <= ends[False]


def test_noise_is_worse_than_any_real_picture_of_its_label(model: FaceClassifier) -> None:
    before = state(model)
    real = losses_of(model, RETAIN)
    noise = unsir.make_noise(
        model, RETAIN.labels, (SIDE, SIDE), unsir.Settings(**QUICK, noise_steps=30), torch.Generator().manual_seed(0)
    )
    found = losses(model(noise), RETAIN.labels).detach()
    for label in range(CLASSES):
        assert found[RETAIN.labels == label].min() > real[RETAIN.labels == label].max()
    assert same_state(before, state(model))
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_noise_is_learned_in_the_impair_epochs_alone(model: FaceClassifier) -> None:
    run = Run(seed=0)
    knobs = unsir.Settings(**QUICK, epochs=3, impair_epochs=1, noise_steps=2)
    stop = run.watch(model)
    unsir.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)
    stop()
    assert [bool(row["impair"]) for row in run.history] == [True] * 3 + [False] * 6
    noise = 3 * -(-len(FORGET) // 3)
    assert run.forward_images == 3 * len(RETAIN) + noise * (1 + 2)


def test_muda_aligns_forget_features_with_the_retain_eigenspace(model: FaceClassifier) -> None:
    run = Run(seed=0)
    knobs = muda.Settings(**QUICK, epochs=10, alignment_weight=5.0, energy=0.6)
    muda.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)
    aligned = [row["alignment"] for row in run.history if "alignment" in row]
    assert sum(aligned[-5:]) > 1.02 * sum(aligned[:5])
