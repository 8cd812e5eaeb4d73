from __future__ import annotations

import copy
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from helpers import make_faces, make_model, same_state, state

from pipeline import config
from pipeline.evaluation.forgetting_check import ForgettingCheck
from pipeline.learning.training import Updater, fit, logits_of, losses_of
from pipeline.unlearning import dlfd
from pipeline.unlearning.base import Run

PIXELS, LABELS = next(make_faces(12).in_order(12))


def settings(**knobs: Any) -> dlfd.Settings:
    defaults: dict[str, Any] = {
        "precision": "fp32",
        "batch_size": 16,
        "epsilon": 0.1,
        "step_size": 0.02,
        "recovery_share": 0,
        "epochs": 1,
        "matching_weight": 0,
        "distillation_weight": 0,
    }
    return dlfd.Settings(**{**defaults, **knobs})


def test_the_classification_weight_rises_linearly() -> None:
    knobs = settings(classification_weight_start=0.2, classification_weight_end=1.0)
    weights = [dlfd.classification_weight(knobs, share) for share in (0, 0.25, 0.5, 1)]
    assert weights == pytest.approx([0.2, 0.4, 0.6, 1.0])


def run_dlfd(**knobs: Any) -> tuple[Any, Run]:
    model, run = make_model(), Run(seed=0)
    subsets = {"retain": make_faces(64), "forget": make_faces(30, seed=1), "validation": make_faces(30, seed=2)}
    dlfd.unlearn(model, settings(**knobs), run, **subsets)
    return model, run


def test_the_papers_form_is_the_papers_whatever_else_is_set() -> None:
    ours = {"variant": "paper", "matching_weight": 0.5, "epochs": 2, "mix_clean": True, "distillation_weight": 0.5}
    told, _ = run_dlfd(**ours, recovery_share=0.5, classification_weight_end=0.1)
    plain, run = run_dlfd(mix_clean=False, epsilon=1.0, classification_weight_end=1.0)
    assert same_state(state(told), state(plain))
    assert not any({"shortfall", "divergence"} & set(row) for row in run.history)
    other, _ = run_dlfd(**{**ours, "variant": "matched"}, recovery_share=0.5, classification_weight_end=0.1)
    assert not same_state(state(told), state(other))


def test_the_papers_form_is_told_as_it_was_run(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("dlfd: {variant: paper, epochs: 3, epsilon: 0.1, ot_weight: 2.0}\n")
    found = config.method_settings("dlfd", tmp_path / "params.yaml")
    assert {name: getattr(found, name) for name in dlfd.PAPER} == dlfd.PAPER
    assert found.ot_weight == 2.0, "what is no part of ours stays"


def memorised() -> tuple[Any, Any, Any]:
    """A model that knows its forget pictures by heart, these, and others that it never saw; labels are by chance."""
    draw = torch.Generator().manual_seed(0)
    forget, unseen = (
        replace(make_faces(count, seed=seed), labels=torch.randint(3, (count,), generator=draw))
        for count, seed in ((30, 1), (60, 2))
    )
    model = make_model()
    fit(model, forget, settings(epochs=30, learning_rate=0.05, augment=False), seed=0)
    return model, forget, unseen


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


def wanted(model: Any, batch: torch.Tensor, unseen: Any) -> torch.Tensor:
    return dlfd.unseen_losses(model, batch, unseen, "fp32")


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


def test_what_the_original_says_of_retain_pictures_is_followed_beside_their_labels() -> None:
    model, original = make_model(), make_model(seed=1)
    before, batch = state(original), torch.cat([PIXELS, PIXELS.flip(3)])
    logits = copy.deepcopy(model).train()(batch)
    told, said = (F.log_softmax(one.detach() / 3, dim=1) for one in (original(batch), logits))
    away = float(9 * (told.exp() * (told - said)).sum(1).mean())
    plain = float(F.cross_entropy(logits, torch.cat([LABELS, LABELS])).detach())
    loss, figures = dlfd.step_loss(model, original, batch, LABELS, settings(distillation_weight=0.3, temperature=3.0))
    assert figures["divergence"] == pytest.approx(away, rel=1e-4)
    assert away > 0.01
    assert float(loss.detach()) == pytest.approx(0.7 * plain + 0.3 * away, rel=1e-4)
    loss.backward()
    assert same_state(before, state(original))
    assert all(parameter.grad is None for parameter in original.parameters())


def test_who_only_follows_the_original_learns_no_label() -> None:
    found = []
    for labels in (LABELS, (LABELS + 1) % 3):
        model = make_model()
        loss, _ = dlfd.step_loss(model, make_model(seed=1), PIXELS, labels, settings(distillation_weight=1.0))
        loss.backward()
        found.append([parameter.grad for parameter in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_following_and_matching_are_parts_of_one_loss() -> None:
    """(1 − d)·CE + d·T²·KL on the retain batch, clean and pushed, + m·shortfall, all of one forward pass."""
    model, original, batch = make_model(), make_model(seed=1), torch.cat([PIXELS, PIXELS.flip(3)])
    unseen, forget = next(make_faces(8, seed=1).in_order(8)), next(make_faces(8, seed=2).in_order(8))
    logits = copy.deepcopy(model).train()(torch.cat([batch, forget[0]]))[: len(batch)].detach()
    told, said = (F.log_softmax(one / 2, dim=1) for one in (original(batch).detach(), logits))
    away = float(4 * (told.exp() * (told - said)).sum(1).mean())
    plain = float(F.cross_entropy(logits, torch.cat([LABELS, LABELS])))
    knobs = settings(distillation_weight=0.3, temperature=2.0)
    beside = dlfd.Lifted(forget, wanted(model, batch, unseen), weight=3.0)
    loss, figures = dlfd.step_loss(model, original, batch, LABELS, knobs, beside)
    assert figures["shortfall"] > 0
    expected = 0.7 * plain + 0.3 * away + 3.0 * figures["shortfall"]
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)


def test_the_model_before_unlearning_is_followed_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = state(make_model()), []
    plain = dlfd.step_loss

    def step_loss(model: Any, original: Any, *others: Any) -> Any:
        seen.append(original is not model and not original.training and same_state(before, state(original)))
        return plain(model, original, *others)

    monkeypatch.setattr(dlfd, "step_loss", step_loss)
    model, _ = run_dlfd(distillation_weight=0.5, matching_weight=0.5)
    assert seen == [True] * 4
    assert not same_state(before, state(model))


def test_following_the_original_keeps_the_model_near_it_on_retain_pictures() -> None:
    original, forget, unseen = memorised()
    retain, found = make_faces(64, seed=3), {}
    retain = replace(retain, labels=(retain.labels + 1) % 3)  # what the labels say, the original does not
    wanted = F.softmax(logits_of(original, retain), dim=1)
    for weight in (0.0, 0.9):
        model, knobs = copy.deepcopy(original), settings(distillation_weight=weight, epochs=4, learning_rate=0.02)
        dlfd.unlearn(model, knobs, Run(seed=0), retain=retain, forget=forget, validation=unseen)
        found[weight] = float((F.softmax(logits_of(model, retain), dim=1) - wanted).abs().sum(1).mean())
    assert found[0.9] < 0.5 * found[0.0]


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


def test_after_the_threshold_the_pass_is_cross_entropy_alone() -> None:
    model, run = run_dlfd(forgetting_threshold=1.0)  # already below it at the first check
    assert not any(row["distancing"] for row in run.history)
    assert sum("forgetting_score" in row for row in run.history) == 1
    expected, knobs = make_model(), settings()
    retain = make_faces(64)
    updater = Updater(expected.parameters(), knobs, retain.batches(16))
    expected.train()
    for pixels, labels in retain.epoch(16, seed=0, epoch=0, augment=True):
        updater.step(F.cross_entropy(expected(pixels), labels))
    assert same_state(state(expected), state(model))


def test_with_no_push_and_no_clean_mix_it_is_plain_fine_tuning() -> None:
    off, _ = run_dlfd(forgetting_threshold=1.0)
    zero, run = run_dlfd(ot_weight=0, classification_weight_end=0, mix_clean=False, dynamic=False)
    assert all(row["distancing"] for row in run.history), "nothing ends the phase in which batches are pushed"
    assert same_state(state(off), state(zero))


def test_distancing_never_stops_by_score_where_the_threshold_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ForgettingCheck, "__call__", lambda self, model: (0.3, 0.65))
    _, run = run_dlfd(forgetting_threshold=0, check_every=1)
    assert all(row["distancing"] for row in run.history)
    assert all(math.isfinite(row["ot_cost"]) for row in run.history)


def test_distancing_stops_where_the_forget_set_is_no_longer_easier(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([(0.3, 0.65), (0.3, 0.35)])  # the second is over-forgetting: the same score, the other side
    monkeypatch.setattr(ForgettingCheck, "__call__", lambda self, model: next(answers))
    _, run = run_dlfd(check_every=2)
    assert [row["distancing"] for row in run.history] == [1, 1, 0, 0]
    assert run.note == "pushed 2 batches: forgetting score 0.300, AUC 0.350"


def test_the_recovery_share_of_the_pass_never_pushes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ForgettingCheck, "__call__", lambda self, model: (0.3, 0.65))
    _, run = run_dlfd(forgetting_threshold=0, recovery_share=0.5)
    assert [row["distancing"] for row in run.history] == [1, 1, 0, 0]
    assert run.note == "pushed 2 batches: the share of the pass that may push is over"


def test_pictures_are_pushed_from_forget_pictures_by_a_rising_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    weights: list[float] = []

    def push(model: Any, pixels: Any, labels: Any, forget_pixels: Any, knobs: Any, **more: float) -> Any:
        seen.append(forget_pixels)
        weights.append(more["classification_weight"])
        return pixels, 0.0

    monkeypatch.setattr(dlfd, "push", push)
    run_dlfd(dynamic=False, classification_weight_start=0.2, classification_weight_end=1.0)
    assert weights == pytest.approx([0.2, 0.4, 0.6, 0.8])
    own = make_faces(30, seed=1).pixels(torch.arange(30))
    apart = (torch.cat(seen)[:, None] - own[None]).abs().flatten(2).amax(2)
    assert (apart.amin(1) == 0).all()
    assert set(apart[:30].argmin(1).tolist()) == set(range(30)), "all of them in turn"


@pytest.mark.parametrize("matching", [0.0, 0.2])
@pytest.mark.parametrize("mix_clean", [True, False])
def test_accuracy_is_of_the_pictures_that_a_step_learns(
    monkeypatch: pytest.MonkeyPatch, mix_clean: bool, matching: float
) -> None:
    """A model that takes bright pictures for class 1, which all are, and pushed ones, made dark here, for class 0."""
    faces = replace(make_faces(32), labels=torch.ones(32, dtype=torch.long))
    model, run = make_model(), Run(seed=0)

    def predict(model: Any, pixels: torch.Tensor, precision: str) -> torch.Tensor:
        brightness = pixels.sum((1, 2, 3))
        return 0 * model(pixels) + torch.stack([-brightness, brightness, -2 * brightness.abs()], 1)

    monkeypatch.setattr(dlfd, "predict", predict)
    monkeypatch.setattr(dlfd, "push", lambda model, pixels, *others, **more: (-pixels - 1, 0.0))
    knobs = settings(dynamic=False, recovery_share=0.5, mix_clean=mix_clean, matching_weight=matching)
    dlfd.unlearn(model, knobs, run, retain=faces, forget=make_faces(30, seed=1), validation=make_faces(30, seed=2))
    by_phase = {row["distancing"]: row["accuracy"] for row in run.history}
    assert by_phase == {1.0: 0.5 if mix_clean else 0.0, 0.0: 1.0}


def test_the_first_pushed_pictures_are_kept_to_be_shown() -> None:
    _, run = run_dlfd(dynamic=False, epsilon=0.01)
    assert run.examples is not None
    before, after = run.examples
    assert before.shape == after.shape == (dlfd.SHOWN, *before.shape[1:])
    assert 0 < float((after - before).abs().max()) <= 0.01 + 1e-6
    assert run_dlfd(steps=0, dynamic=False, recovery_share=1.0)[1].examples is None


@pytest.mark.parametrize(("learned", "pushes"), [(True, True), (False, False)])
def test_three_pictures_of_one_person_are_checked_by_the_area(learned: bool, pushes: bool) -> None:
    """Where the attack has no accuracy: remembered pictures are pushed away from, others end the pushing at once."""
    model, run = make_model(), Run(seed=0)
    forget, validation = make_faces(3, seed=1), make_faces(200, seed=2)
    if learned:
        fit(model, forget, settings(epochs=30, batch_size=3, learning_rate=0.05, augment=False), seed=0)
    else:
        wrong = replace(forget, labels=(forget.labels + 1) % 3)
        fit(model, wrong, settings(epochs=30, batch_size=3, learning_rate=0.05, augment=False), seed=0)
    dlfd.unlearn(model, settings(check_every=1), run, retain=make_faces(64), forget=forget, validation=validation)
    first = run.history[0]
    assert first["distancing"] == pushes
    assert first["forgetting_score"] == pytest.approx(2 * abs(first["forget_auc"] - 0.5))
    assert (first["forget_auc"] > 0.5) == learned
