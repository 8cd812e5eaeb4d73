"""What each method alone promises, by its paper; the faults of the released code would fail here."""

from __future__ import annotations

import copy
from dataclasses import fields
from typing import Any

import pytest
import torch
from helpers import CLASSES, SIDE, make_model, make_subsets, same_state, state

from pipeline import search
from pipeline.errors import ConfigError
from pipeline.evaluation.representation import eigenspace
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import divergence, losses, wrong_labels
from pipeline.learning.training import Updater, fit, logits_of, losses_of
from pipeline.settings import TrainSettings
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
SSD = ssd.Settings(batch_size=16, precision="fp32")


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


def test_eu_k_makes_all_of_the_last_blocks_new_statistics_included(model: FaceClassifier) -> None:
    before = state(model)
    eu_k.unlearn(model, eu_k.Settings(**QUICK, epochs=1, learning_rate=1e-9, k=2), Run(seed=0), retain=RETAIN)
    after = state(model)
    for name in ("backbone.0.weight", "head.weight"):
        assert not torch.isclose(before[name], after[name], rtol=1e-3).all(dim=1).any()
    assert after["backbone.1.num_batches_tracked"] == RETAIN.batches(16), "counted from nothing"


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


def test_neggrad_plus_weighs_both_sides(model: FaceClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(Updater, "step", lambda self, loss: asked.append(float(loss.detach())))
    run, knobs = Run(seed=0), neggrad_plus.Settings(**QUICK, retain_weight=0.7, stop_at_chance=False)
    neggrad_plus.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)
    assert asked == pytest.approx([0.7 * row["loss"] - 0.3 * row["forget_loss"] for row in run.history], abs=1e-6)


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


def test_ssd_trains_nothing_and_has_no_knob_of_training() -> None:
    own = {"selection_weight", "dampening"}
    assert {field.name for field in fields(ssd.Settings)} == {"batch_size", "precision", *own}
    assert set(search.space(ssd.Settings())) == own


def test_importance_is_the_mean_squared_gradient(model: FaceClassifier) -> None:
    found = ssd.importance(model, FORGET, SSD, Run(seed=0), 2)
    model.eval()
    expected = [torch.zeros_like(parameter) for parameter in model.parameters()]
    for pixels, labels in FORGET.epoch(2, seed=0, epoch=0, augment=False):
        gradients = torch.autograd.grad(losses(model(pixels), labels).mean(), list(model.parameters()))
        for total, gradient in zip(expected, gradients, strict=True):
            total += gradient**2 / 10
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-9)  # they are small


def total(importance: list[torch.Tensor]) -> float:
    return sum(float(one.sum()) for one in importance)


def test_a_lone_forgotten_picture_weighs_once_and_is_compared_with_single_pictures(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = FORGET.take(torch.arange(1))
    loss = losses(model.eval()(alone.pixels(torch.arange(1))), alone.labels).sum()
    expected = [gradient**2 for gradient in torch.autograd.grad(loss, list(model.parameters()))]
    compared: list[list[torch.Tensor]] = []
    monkeypatch.setattr(ssd, "dampen", lambda model, ours, every, settings: compared.extend([ours, every]) or 0.0)
    ssd.unlearn(model, SSD, Run(seed=0), retain=alone, forget=alone)  # all is the same picture twice
    assert [total(side) for side in compared] == pytest.approx([total(expected)] * 2, rel=1e-4)
    compared.clear()
    ssd.unlearn(model, SSD, Run(seed=0), retain=RETAIN, forget=alone)
    single = ssd.importance(model, RETAIN.joined(alone), SSD, Run(seed=0), 1)
    assert total(compared[1]) == pytest.approx(total(single), rel=1e-4)


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


def test_bad_teacher_uses_a_share_of_retain_and_all_of_forget(model: FaceClassifier) -> None:
    run, knobs = Run(seed=0), bad_teacher.Settings(**QUICK, epochs=1, retain_share=0.25)
    stop = run.watch(model)
    bad_teacher.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)
    stop()
    assert run.backward_images == round(0.25 * len(RETAIN)) + len(FORGET)
    assert run.forward_images == 3 * run.backward_images, "both teachers and the student"


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


def test_scrubs_steps_are_on_its_two_objectives_and_nothing_else(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No classification in a max step; divergence once, at its weight, in a min step."""
    teacher, asked = make_model(7).eval(), []
    monkeypatch.setattr(Updater, "step", lambda self, loss: asked.append(float(loss.detach())))
    knobs = scrub.Settings(**QUICK, distillation_weight=0.3, classification_weight=0.6, temperature=2.0)
    updater, faces = Updater(model.parameters(), knobs, 2), RETAIN.take(torch.arange(16))
    scrub.max_epoch(model, teacher, faces, knobs, Run(seed=0), updater, 0, lambda _: None)
    scrub.min_epoch(model, teacher, faces, knobs, Run(seed=0), updater, 0, lambda _: None)
    with torch.no_grad():
        pixels = faces.pixels(torch.arange(16))
        logits = model.train()(pixels)
        away = float(divergence(logits, teacher(pixels), multi_label=False, temperature=2.0).mean())
        classification = float(losses(logits, faces.labels).mean())
    assert asked == pytest.approx([-away, 0.3 * away + 0.6 * classification], rel=1e-3)


def test_scrub_ends_every_epoch_with_the_retain_set(model: FaceClassifier) -> None:
    run, knobs = Run(seed=0), scrub.Settings(**QUICK, epochs=2, msteps=2, learning_rate=1e-4)
    scrub.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET, validation=VALIDATION)
    epoch = [True] * FORGET.batches(16) + [False] * RETAIN.batches(16)
    assert ["forget_divergence" in row for row in run.history] == epoch * 2


def test_scrub_rewinds_by_validation_pictures_of_the_labels_of_forget(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(scrub, "rewind", lambda model, states, forget, validation, run: given.append(validation))
    one_label = FORGET.take((FORGET.labels == 0).nonzero().flatten())
    knobs = scrub.Settings(**QUICK, epochs=1, msteps=0)
    scrub.unlearn(model, knobs, Run(seed=0), retain=RETAIN, forget=one_label, validation=VALIDATION)
    assert set(given[0].labels.tolist()) == {0}
    assert set(given[0].rows.tolist()) <= set(VALIDATION.rows.tolist())


@pytest.mark.parametrize(("msteps", "epochs", "ascents"), [(0, 2, 0), (1, 3, 1), (2, 3, 2), (9, 2, 2)])
def test_scrub_ascends_in_as_many_epochs_as_msteps_says(
    model: FaceClassifier, msteps: int, epochs: int, ascents: int
) -> None:
    run = Run(seed=0)
    knobs = scrub.Settings(**QUICK, epochs=epochs, msteps=msteps, learning_rate=1e-4)
    scrub.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET, validation=VALIDATION)
    assert sum("forget_divergence" in row for row in run.history) == ascents * FORGET.batches(16)


@pytest.mark.parametrize(("reference", "chosen"), [(2.0, 2), (0.2, 0), (0.9, 1), (5.0, 3)])
def test_scrub_rewinds_to_the_epoch_whose_forget_loss_is_nearest(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch, reference: float, chosen: int
) -> None:
    states = []
    for epoch in range(4):
        with torch.no_grad():
            model.head.bias.fill_(epoch)
        states.append(state(model))
    forget_losses = (0.1, 1.0, 2.1, 4.0)

    def told(of: FaceClassifier, faces: Any) -> torch.Tensor:
        return torch.tensor([forget_losses[int(of.head.bias[0])] if faces is FORGET else reference])

    monkeypatch.setattr(scrub, "losses_of", told)
    scrub.rewind(model, states, FORGET, VALIDATION, run := Run(seed=0))
    assert same_state(state(model), states[chosen])
    assert run.note.startswith("rewound") == (chosen < 3)


def test_scrub_goes_back_where_it_forgot_too_much_and_only_there(model: FaceClassifier) -> None:
    knobs = {**QUICK, "epochs": 6, "msteps": 6, "learning_rate": 0.2, "schedule": "constant"}
    ends, notes = {}, {}
    for rewind in (False, True):
        copied, run = copy.deepcopy(model), Run(seed=0)
        scrub.unlearn(
            copied, scrub.Settings(**knobs, rewind=rewind), run, retain=RETAIN, forget=FORGET, validation=VALIDATION
        )
        ends[rewind], notes[rewind] = float(losses_of(copied, FORGET).mean()), run.note
    assert notes[False] == ""
    assert (ends[True] < ends[False]) == notes[True].startswith("rewound")


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_scrub_and_bad_teacher_distil_at_their_temperature(model: FaceClassifier, temperature: float) -> None:
    teacher = make_model(7).eval()
    batch = RETAIN.pixels(torch.arange(16))
    wanted = divergence(model(batch), teacher(batch), multi_label=False, temperature=temperature).mean()
    run, knobs = Run(seed=0), scrub.Settings(**QUICK, learning_rate=1e-9, temperature=temperature)
    updater = Updater(model.parameters(), knobs, 10)
    first = RETAIN.take(torch.arange(16))
    scrub.min_epoch(model.train(), teacher, first, knobs, run, updater, 0, lambda _: None)
    with torch.no_grad():  # the pass was in training mode: the same here, on the same 16 pictures
        wanted = divergence(model(batch), teacher(batch), multi_label=False, temperature=temperature).mean()
    assert run.history[0]["retain_divergence"] == pytest.approx(float(wanted), rel=1e-3)


def test_bad_teachers_temperature_softens_both_teachers(model: FaceClassifier) -> None:
    rows = []
    for temperature in (1.0, 5.0):
        run, copied = Run(seed=0), copy.deepcopy(model)
        torch.manual_seed(0)
        knobs = bad_teacher.Settings(**QUICK, learning_rate=1e-9, temperature=temperature)
        bad_teacher.unlearn(copied, knobs, run, retain=RETAIN, forget=FORGET)
        rows.append([row.get("forget_divergence", 0) for row in run.history])
    assert rows[0] != pytest.approx(rows[1], rel=0.05)


def test_the_l1_weight_falls_linearly_to_zero(model: FaceClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[float] = []
    monkeypatch.setattr(l1_sparse, "l1_norm", lambda model: torch.ones((), requires_grad=True))
    plain = Updater.step

    def step(self: Updater, loss: torch.Tensor) -> None:
        added.append(float(loss.detach()))
        plain(self, loss)

    monkeypatch.setattr(Updater, "step", step)
    run = Run(seed=0)
    l1_sparse.unlearn(model, l1_sparse.Settings(**QUICK, epochs=2, l1_weight=3.0), run, retain=RETAIN)
    weights = [total - row["loss"] for total, row in zip(added, run.history, strict=True)]
    assert weights == pytest.approx([3.0 * (1 - step / 6) for step in range(6)], abs=1e-4)


def test_muda_keeps_near_the_softened_original_on_forget_and_the_original_on_retain(model: FaceClassifier) -> None:
    original = make_model(5).eval()
    knobs = muda.Settings(**QUICK, alignment_weight=0.0, distillation_weight=0.7, temperature=3.0)
    model.eval()
    batch, labels = FORGET.pixels(torch.arange(8)), FORGET.labels[:8]
    space = eigenspace(original.features(batch).detach(), 0.9)
    found, _ = muda.forget_loss(model, original, batch, space, knobs, False)
    torch.testing.assert_close(found, divergence(model(batch), original(batch) / 3, multi_label=False).mean())
    found = muda.recover_loss(model, original, batch, labels, knobs)
    near = divergence(model(batch), original(batch), multi_label=False).mean()
    torch.testing.assert_close(found, losses(model(batch), labels).mean() + 0.7 * near)


def test_noise_is_learned_under_the_label_it_was_made_for(
    model: FaceClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[torch.Tensor] = []
    plain_noise, plain_losses = unsir.make_noise, unsir.losses
    learned: list[torch.Tensor] = []

    def make_noise(model: Any, labels: torch.Tensor, *rest: Any) -> torch.Tensor:
        made.append(labels)
        monkeypatch.setattr(unsir, "losses", plain_losses)
        noise = plain_noise(model, labels, *rest)
        monkeypatch.setattr(unsir, "losses", watched)
        return noise

    def watched(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        learned.append(labels)
        return plain_losses(logits, labels)

    monkeypatch.setattr(unsir, "make_noise", make_noise)
    monkeypatch.setattr(unsir, "losses", watched)
    knobs = unsir.Settings(**QUICK, epochs=2, impair_epochs=1, noise_steps=1)
    unsir.unlearn(model, knobs, Run(seed=0), retain=RETAIN, forget=FORGET)
    assert len(made) == 3
    for noise_labels, all_labels in zip(made, learned, strict=False):
        assert torch.equal(all_labels[-len(noise_labels) :], noise_labels)
    assert sorted(torch.cat(made).tolist()) == sorted(FORGET.labels.tolist()), "each forget picture's label once"


def test_impairing_to_the_end_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves none to repair"):
        unsir.Settings(epochs=2, impair_epochs=2)


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


def test_the_penalty_holds_the_noise(model: FaceClassifier) -> None:
    sizes = []
    for penalty in (0.0, 10.0):
        knobs = unsir.Settings(**QUICK, noise_penalty=penalty)
        noise = unsir.make_noise(model, RETAIN.labels, (SIDE, SIDE), knobs, torch.Generator().manual_seed(0))
        sizes.append(float((noise - model.denormalise(torch.zeros(()))).square().mean()))
    assert sizes[1] < 0.8 * sizes[0]


def test_noise_is_learned_in_the_impair_epochs_alone(model: FaceClassifier) -> None:
    run = Run(seed=0)
    knobs = unsir.Settings(**QUICK, epochs=3, impair_epochs=1, noise_steps=2)
    stop = run.watch(model)
    unsir.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)
    stop()
    assert [bool(row["impair"]) for row in run.history] == [True] * 3 + [False] * 6
    noise = len(FORGET)
    assert run.forward_images == 3 * len(RETAIN) + noise * (1 + 2)


def test_the_eigenspace_is_that_of_retain_pictures(model: FaceClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[Any] = []
    plain = muda.outputs_of
    monkeypatch.setattr(muda, "outputs_of", lambda model, faces: looked_at.append(faces) or plain(model, faces))
    knobs = muda.Settings(**QUICK, epochs=1, eigenspace_images=30)
    muda.unlearn(model, knobs, Run(seed=0), retain=RETAIN, forget=FORGET)
    (faces,) = looked_at
    assert len(faces) == 30
    assert set(faces.rows.tolist()) <= set(RETAIN.rows.tolist())


def test_muda_aligns_forget_features_with_the_retain_eigenspace(model: FaceClassifier) -> None:
    run = Run(seed=0)
    knobs = muda.Settings(**QUICK, epochs=10, alignment_weight=5.0, energy=0.6)
    muda.unlearn(model, knobs, run, retain=RETAIN, forget=FORGET)
    aligned = [row["alignment"] for row in run.history if "alignment" in row]
    assert sum(aligned[-5:]) > 1.02 * sum(aligned[:5])
