"""What is true of every method, one by one: a method that reads what it should not, or nothing, is found here."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from helpers import CLASSES, make_model, make_subsets, same_state, state

from pipeline.config import method_names
from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import fit, losses_of
from pipeline.settings import TrainSettings
from pipeline.unlearning import base

SUBSETS = make_subsets()
QUICK: dict[str, Any] = {"batch_size": 16, "epochs": 1, "precision": "fp32", "augment": False}
MORE: dict[str, dict[str, Any]] = {
    "cf_k": {"k": 1},
    "eu_k": {"k": 1},
    "unsir": {"epochs": 2, "noise_steps": 3},
    "dlfd": {"recovery_share": 0.0, "forgetting_threshold": 0.0},
    "ssd": {"selection_weight": 1.0},
}
GIVEN = {  # by its paper
    "finetune": {"retain"},
    "cf_k": {"retain"},
    "eu_k": {"retain"},
    "l1_sparse": {"retain"},
    "neggrad": {"forget"},
    "neggrad_plus": {"retain", "forget"},
    "random_label": {"retain", "forget"},
    "salun": {"retain", "forget"},
    "ssd": {"retain", "forget"},
    "bad_teacher": {"retain", "forget"},
    "muda": {"retain", "forget"},
    "unsir": {"retain", "forget"},
    "scrub": {"retain", "forget", "validation"},
    "dlfd": {"retain", "forget", "validation"},
}
READS_LABELS_ALONE = {"unsir"}  # of the forget set
DRAWS_NOTHING = {"ssd"}  # the seed only orders its sums
STEPPING = [name for name in method_names() if issubclass(base.get(name).settings, TrainSettings)]  # so it can diverge


@pytest.fixture(scope="module")
def original() -> FaceClassifier:
    """A model that has memorised retain and forget."""
    model = make_model()
    knobs = TrainSettings(epochs=40, batch_size=16, learning_rate=0.05, precision="fp32", augment=False)
    fit(model, SUBSETS["retain"].joined(SUBSETS["forget"]), knobs, seed=0)
    return model


def run_method(
    name: str, original: FaceClassifier, seed: int = 0, subsets: Any = SUBSETS, **knobs: Any
) -> tuple[FaceClassifier, base.Run]:
    method = base.get(name)
    run = base.Run(seed=seed)
    quick = {field.name: QUICK[field.name] for field in fields(method.settings) if field.name in QUICK}
    model = base.unlearn(method, original, subsets, method.settings(**{**quick, **MORE.get(name, {}), **knobs}), run)
    return model, run


@pytest.mark.parametrize("name", method_names())
def test_the_original_stays_as_it_is_and_the_copy_moves(name: str, original: FaceClassifier) -> None:
    before = state(original)
    model, run = run_method(name, original)
    assert same_state(before, state(original))
    assert not same_state(before, state(model))
    assert not model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert run.history
    assert run.seconds > 0
    assert run.forward_images > 0
    assert run.backward_images > 0
    assert run.status in ("finished", "stopped early")


@pytest.mark.parametrize("name", method_names())
def test_a_method_is_deterministic_for_a_seed(name: str, original: FaceClassifier) -> None:
    first, again, other = (run_method(name, original, seed)[0] for seed in (0, 0, 1))
    assert same_state(state(first), state(again))
    if name not in DRAWS_NOTHING:
        assert not same_state(state(first), state(other))


@pytest.mark.parametrize("name", STEPPING)
def test_a_learning_rate_out_of_hand_is_recorded_and_leaves_finite_weights(name: str, original: FaceClassifier) -> None:
    knobs: dict[str, Any] = {"learning_rate": 1e35, "epochs": 3}
    if name in ("neggrad", "neggrad_plus"):
        knobs["stop_at_chance"] = False
    model, run = run_method(name, original, **knobs)
    assert run.status == "diverged"
    assert run.note
    assert all(value.isfinite().all() for value in model.state_dict().values())


@pytest.mark.parametrize("rate", [1e1, 1e3, 1e6, 1e12])
@pytest.mark.parametrize("name", STEPPING)
def test_at_any_learning_rate_the_result_can_be_evaluated(name: str, rate: float, original: FaceClassifier) -> None:
    knobs = {"stop_at_chance": False} if name in ("neggrad", "neggrad_plus") else {}
    model, run = run_method(name, original, learning_rate=rate, epochs=2, **knobs)
    for faces in make_subsets().values():
        assert losses_of(model, faces).isfinite().all(), run


@pytest.mark.parametrize("name", GIVEN)
def test_a_method_is_given_what_its_paper_assumes(name: str) -> None:
    assert set(base.get(name).subsets) == GIVEN[name]


@pytest.mark.parametrize("name", method_names())
def test_forget_pictures_are_read_by_the_methods_that_should(name: str, original: FaceClassifier) -> None:
    reads = "forget" in base.get(name).subsets and name not in READS_LABELS_ALONE
    model, _ = run_method(name, original)
    other, _ = run_method(name, original, subsets=make_subsets(forget_pictures=7))
    assert same_state(state(model), state(other)) != reads


@pytest.mark.parametrize("pictures", [1, 3])
@pytest.mark.parametrize("name", method_names())
def test_one_person_of_few_pictures_can_be_forgotten(name: str, pictures: int, original: FaceClassifier) -> None:
    few = {**SUBSETS, "forget": SUBSETS["forget"].take(torch.arange(pictures))}
    model, run = run_method(name, original, subsets=few)
    assert run.status in ("finished", "stopped early"), run.note
    assert losses_of(model, few["forget"]).isfinite().all()


@pytest.mark.parametrize("name", method_names())
def test_a_method_serves_several_attributes_at_once(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    bits = {
        subset: replace(faces, labels=torch.randint(2, (len(faces), CLASSES), generator=generator))
        for subset, faces in SUBSETS.items()
    }
    before = make_model()
    knobs = TrainSettings(epochs=15, batch_size=16, learning_rate=0.05, precision="fp32", augment=False)
    fit(before, bits["retain"].joined(bits["forget"]), knobs, seed=0)
    model, run = run_method(name, before, subsets=bits)
    assert run.status in ("finished", "stopped early")
    assert not same_state(state(before), state(model))
    assert torch.isfinite(losses_of(model, bits["forget"])).all()


FORGETS = {  # enough, on so small a set; what counts is the direction
    "finetune": {"epochs": 30, "learning_rate": 0.1},
    "cf_k": {"epochs": 30, "learning_rate": 0.1, "k": 2},
    "eu_k": {"epochs": 30, "learning_rate": 0.1, "k": 1},
    "l1_sparse": {"epochs": 30, "learning_rate": 0.1, "l1_weight": 1e-3},
    "neggrad": {"epochs": 20, "learning_rate": 0.02},
    "neggrad_plus": {"epochs": 10, "retain_weight": 0.6},
    "random_label": {"epochs": 20, "learning_rate": 0.05},
    "salun": {"epochs": 20, "learning_rate": 0.05},
    "ssd": {"selection_weight": 1.0, "dampening": 1.0, "batch_size": 2},
    "bad_teacher": {"epochs": 20, "learning_rate": 0.05},
    "muda": {"epochs": 10, "learning_rate": 0.05, "alignment_weight": 1.0, "temperature": 3.0, "energy": 0.95},
    "unsir": {"epochs": 60, "impair_epochs": 2, "noise_steps": 5},
    "scrub": {"epochs": 4, "msteps": 3, "learning_rate": 0.05},
    "dlfd": {"epochs": 15, "epsilon": 0.1, "step_size": 0.03, "recovery_share": 0.3, "forgetting_threshold": 0.0},
}


@pytest.mark.parametrize("name", method_names())
def test_what_was_memorised_fades_and_the_rest_is_not_ruined(name: str, original: FaceClassifier) -> None:
    model, run = run_method(name, original, **FORGETS.get(name, {}))

    def loss(of: FaceClassifier, subset: str) -> float:
        return float(losses_of(of, SUBSETS[subset]).mean())

    assert loss(original, "forget") < 0.3 < 1.5 < loss(original, "validation")
    assert loss(model, "forget") > 1.2 * loss(original, "forget"), run.history[-3:]
    assert loss(model, "forget") < loss(original, "validation") + 2, "far beyond what was never seen"
    if name != "neggrad":  # which is given nothing to hold the rest with
        assert loss(model, "retain") < 0.5 * loss(original, "validation"), run.history[-3:]
