"""What DLFD's benchmarks compare does the same, and the dearest pass is the dearest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_faces, make_model
from torch import nn

from benchmarks import dlfd_pass, dlfd_step, inputs, measure
from pipeline.learning.distancing import push
from pipeline.learning.models import FaceClassifier
from pipeline.learning.training import fit
from pipeline.unlearning.dlfd import PAPER, Settings

CPU = torch.device("cpu")
SPARED = {
    "released": {},
    "one forward": {"one_forward": True},
    "forget once": {"one_forward": True, "forget_once": True},
    "pixels alone": {"one_forward": True, "forget_once": True, "pixels_alone": True},
}
FORWARD = {"released": 3, "one forward": 2, "forget once": 1, "pixels alone": 1}  # passes a step


def small_classifier(device: torch.device) -> FaceClassifier:
    """In place of the ResNet18 of benchmarks."""
    torch.manual_seed(0)
    backbone = nn.Sequential(
        nn.Conv2d(3, 12, 3, 2), nn.BatchNorm2d(12), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    return FaceClassifier(backbone, nn.Linear(12, inputs.CLASSES), [0.4] * 3, [0.2] * 3).to(device)


@pytest.mark.parametrize("name", SPARED)
@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_every_version_of_the_step_pushes_as_ours_does(name: str, weight: float) -> None:
    model, settings = make_model().double(), Settings(steps=4, precision="fp32")
    pixels, labels = next(make_faces(24).in_order(24))
    forget, _ = next(make_faces(24, seed=1).in_order(24))
    pixels, forget = pixels.double(), forget.double()
    passes: list[int] = []
    model.backbone.register_forward_hook(lambda *_: passes.append(1))
    (b, cost_b) = dlfd_step.released(model, pixels, labels, forget, settings, weight, **SPARED[name])
    assert len(passes) == FORWARD[name] * settings.steps + SPARED[name].get("forget_once", False)
    assert all((weight_.grad is None) == (name == "pixels alone") for weight_ in model.backbone.parameters())
    (a, cost_a) = push(model, pixels, labels, forget, settings, classification_weight=weight)
    assert cost_a == pytest.approx(cost_b, rel=1e-9)
    assert torch.equal(a, b), "in double precision nothing differs"
    assert ((a - pixels).abs() > 1e-6).double().mean() > 0.5


def test_versions_of_the_step_are_compared_on_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "classifier", small_classifier)
    batch = dlfd_step.batch_of(20, 16, CPU)
    versions = batch.versions(2)
    assert [passes for passes, _ in versions.values()] == [9, 6, 3, 2, 2, 0]
    pushed = [version()[0] for _, version in versions.values()]
    assert all(((one - pushed[0]).abs() > 1e-6).float().mean() < 0.05 for one in pushed[:-1])
    apart = batch.apart(2, torch.float64)
    assert apart["share of pixels that differ"] == 0
    assert apart["relative difference of OT cost"] < 1e-9
    rounded = batch.apart(2, torch.float32, dlfd_step.BF16)
    assert 0 < rounded["relative difference of OT cost"] < 0.05


def test_the_pass_is_measured_at_the_shipped_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    paper, own = dlfd_pass.cases()
    assert (paper.settings.steps, paper.epochs, paper.image_size) == (15, 100, 128)
    assert {name: getattr(paper.settings, name) for name in PAPER} == PAPER
    assert own.name.startswith("params.yaml")
    for case in (paper, own):
        assert case.retain % (case.settings.batch_size * case.settings.check_every) == 0, "as many checks as there are"
        assert case.forget >= case.settings.check_images, "a check has as many pictures as it may"


@pytest.mark.parametrize("settings", [dlfd_pass.AS_PUBLISHED, Settings()], ids=["paper", "default"])
def test_the_dearest_pass_pushes_whatever_may_be_pushed(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(inputs, "classifier", small_classifier)
    often = replace(settings, batch_size=8, steps=1, check_every=3)
    case = dlfd_pass.Case("tiny", often, 8, 10, 16, 160, 40, 0.1)
    row = dlfd_pass.measured(case, CPU, repeats=1)
    may = row["batches"] * (1 - settings.recovery_share)
    assert row["batches"] == 20 * settings.epochs
    assert row["pushed"] == np.ceil(may)
    assert row["checks"] == np.ceil(row["pushed"] / 3)
    share = row["share of retraining"]["median"]
    assert 0 < share == pytest.approx(row["pass, s"]["median"] / row["epoch, s"]["median"] / 10)


def test_a_pass_that_a_check_ends_is_no_dearest_pass() -> None:
    model = small_classifier(CPU)
    faces = inputs.noise_faces({"retain": 160, "forget": 40, "validation": 40}, 16, CPU)
    fit(model, faces["retain"], replace(Settings(), epochs=1, batch_size=8), seed=0)
    inputs.teach(model, faces["retain"])
    dlfd_pass.dearest(model, faces, Settings(epochs=1))
    forgotten = {**faces, "forget": inputs.mistaken(faces["forget"])}
    with pytest.raises(measure.BenchmarkError, match="0 of 1 batches were pushed with 1 checks"):
        dlfd_pass.dearest(model, forgotten, Settings(epochs=1))


def test_subsets_of_noise_are_apart() -> None:
    faces = inputs.noise_faces({"retain": 6, "forget": 4}, 8, CPU)
    rows = torch.cat([faces["retain"].rows, faces["forget"].rows])
    assert len(rows.unique()) == len(rows) == len(faces["forget"].images)


def test_the_colour_of_noise_is_its_class() -> None:
    faces = inputs.noise_faces({"retain": 30}, 16, CPU)["retain"]
    dim = faces.images.float().mean((1, 2)) < 96
    assert torch.equal(dim.long() @ torch.tensor([1, 2, 4]), faces.labels)
    assert (inputs.mistaken(faces).labels != faces.labels).all()


@pytest.mark.parametrize("shape", [(6, 6), (6, 4), (3, 7)])
def test_assignments_are_optimal_plans(shape: tuple[int, int]) -> None:
    import ot

    costs = np.random.default_rng(0).random(shape)
    weights = [np.full(count, 1 / count) for count in shape]
    plan = inputs.assignment(*weights, costs)
    assert (plan * costs).sum() == pytest.approx((ot.emd(*weights, costs) * costs).sum())
    assert plan.sum(1) == pytest.approx(weights[0])
    assert plan.sum(0) == pytest.approx(weights[1])
