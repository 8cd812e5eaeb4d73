"""The layout of the paper's released checkpoints, and `dlfd evaluate` on one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torchvision
from click.testing import Result
from helpers import same_state
from helpers import state as helper_state
from tiny_data import write_mufac
from torch import Tensor, nn
from torchvision import transforms
from typer.testing import CliRunner

from pipeline.data.sources import mufac
from pipeline.errors import ModelError
from pipeline.learning import architectures, models, paper_checkpoint
from stages.cli import app


class Released(nn.Module):
    """As the authors' code builds it."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.base_model = torchvision.models.resnet18()
        self.base_model.fc = nn.Identity()
        self.features = nn.Sequential(
            nn.Linear(512, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, classes)
        )

    def forward(self, pixels: Tensor) -> Tensor:
        return self.features(self.base_model(pixels))


@pytest.fixture(scope="module")
def released() -> Released:
    torch.manual_seed(0)
    model = Released(8)
    model(torch.randn(8, 3, 32, 32))  # statistics that are not those of a fresh model
    nn.init.normal_(model.features[5].weight)  # logits that differ
    return model.eval()


@pytest.mark.parametrize("prefix", ["", "module."])
def test_its_logits_are_those_of_the_authors_model(released: Released, tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "age_dlfd.pth"
    torch.save({prefix + name: value for name, value in released.state_dict().items()}, path)
    model = paper_checkpoint.read(path)
    pixels = torch.rand(3, 3, 32, 32)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (architectures.IMAGENET_MEAN, architectures.IMAGENET_STD))
    with torch.no_grad():
        torch.testing.assert_close(model(pixels), released((pixels - mean) / std))
    assert model.features(pixels).shape == (3, 512)


def test_an_unused_classifier_and_other_numbers_of_the_layers_do_not_matter(released: Released, tmp_path: Path) -> None:
    renamed = {"features.3": "features.10", "features.5": "features.11"}  # in the order of numbers, not of words
    state = {renamed.get(k[:10], k[:10]) + k[10:]: value for k, value in released.state_dict().items()}
    torch.save({**state, "base_model.fc.weight": torch.zeros(1000, 512)}, tmp_path / "x.pth")
    torch.save(released.state_dict(), tmp_path / "y.pth")
    ours, plain = (paper_checkpoint.read(tmp_path / name) for name in ("x.pth", "y.pth"))
    assert same_state(helper_state(ours), helper_state(plain))


def test_an_emotion_model_sees_the_grey_of_its_pixels(released: Released, tmp_path: Path) -> None:
    torch.save(released.state_dict(), tmp_path / "emotion_dlfd.pth")
    model = paper_checkpoint.read(tmp_path / "emotion_dlfd.pth", "emotion")
    pixels = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    red, green, blue = (pixels / 255).unbind(1)
    grey = (0.299 * red + 0.587 * green + 0.114 * blue)[:, None].expand(3, 3, 32, 32)
    theirs = transforms.Compose([transforms.ToPILImage(), transforms.Grayscale(3), transforms.ToTensor()])
    assert (grey - torch.stack([theirs(picture) for picture in pixels])).abs().max() < 0.51 / 255, "Pillow rounds"
    with torch.no_grad():
        torch.testing.assert_close(model(pixels / 255), released((grey - 0.5) / 0.5), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {k: v for k, v in s.items() if not k.startswith("features.")}, "no features"),
        (lambda s: {**s, "features.0.weight": torch.zeros(300, 512)}, "512 -> 300 -> 128 -> 8"),
        (lambda s: {k: v for k, v in s.items() if k != "base_model.conv1.weight"}, "ResNet18: conv1.weight is missing"),
        (
            lambda s: {k: v for k, v in s.items() if k != "features.3.bias"},
            "linear layer: bias is missing",
        ),
        (lambda s: {**s, "features.1.running_mean": torch.zeros(256)}, "found features.1.running_mean beside them"),
        (lambda s: {**s, "classifier.weight": torch.zeros(8, 128)}, "found classifier.weight beside them"),
        (lambda s: {**s, "base_model.conv1.weight": torch.zeros(64, 3, 3, 3)}, r"conv1.weight is \[64, 3, 3, 3\], not"),
    ],
)
def test_another_layout_is_refused(released: Released, tmp_path: Path, change, words: str) -> None:  # type: ignore[no-untyped-def]
    torch.save(change(released.state_dict()), tmp_path / "x.pth")
    with pytest.raises(ModelError, match=words):
        paper_checkpoint.read(tmp_path / "x.pth")


@pytest.fixture
def small_mufac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(mufac, "FORGET_ROWS", 15)
    return write_mufac(tmp_path / "mufac", persons=8)


def dlfd_evaluate(checkpoint: Path, data: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", "--checkpoint", str(checkpoint), "--data", str(data), *more])


def test_evaluate_prints_and_writes_the_figures(released: Released, small_mufac: Path, tmp_path: Path) -> None:
    torch.save(released.state_dict(), tmp_path / "age.pth")
    out = tmp_path / "new" / "figures.json"
    done = dlfd_evaluate(tmp_path / "age.pth", small_mufac, "--image-size", "32", "--json", str(out))
    assert done.exit_code == 0, done.output
    assert "nomus" in done.stdout
    assert "age at 32×32, protocol published, seed 0: 15 forget, 9 retain, 24 validation, 24 unseen" in done.stdout
    figures = json.loads(out.read_text())
    assert figures["nomus"] == pytest.approx((figures["test_accuracy"] + 1 - figures["forgetting_score"]) / 2)


def test_evaluate_tells_the_leaks_of_the_split(
    released: Released, small_mufac: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mufac, "FORGET_ROWS", 16)  # cuts a person
    torch.save(released.state_dict(), tmp_path / "age.pth")
    done = dlfd_evaluate(tmp_path / "age.pth", small_mufac, "--image-size", "32")
    assert done.exit_code == 0, done.output
    assert "warning: 1 person key(s) cut in two" in done.stderr


@pytest.mark.parametrize("named", ["", models.WEIGHTS])
def test_evaluate_takes_task_and_size_from_a_model_folder(small_mufac: Path, tmp_path: Path, named: str) -> None:
    torch.manual_seed(0)
    info = {"architecture": "resnet18", "head": "mlp", "task": "age", "classes": list("abcdefgh"), "image_size": 24}
    models.save(models.build("resnet18", 8, head="mlp"), tmp_path / "model", info)
    done = dlfd_evaluate(tmp_path / "model" / named, small_mufac)
    assert done.exit_code == 0, done.output
    assert "age at 24×24" in done.stdout


def test_evaluate_draws_the_split_from_the_models_own_seed_and_warns(small_mufac: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    info = {"architecture": "resnet18", "task": "age", "classes": list("abcdefgh"), "image_size": 24, "seed": 3}
    models.save(models.build("resnet18", 8), tmp_path / "model", info)
    figures = []
    for more, seed in (((), 3), (("--seed", "3"), 3), (("--seed", "1"), 1)):
        out = tmp_path / "figures.json"
        done = dlfd_evaluate(tmp_path / "model", small_mufac, "--protocol", "person", "--json", str(out), *more)
        assert done.exit_code == 0, done.output
        assert f"protocol person, seed {seed}: " in done.stdout
        assert f"warning: protocol person draws the split anew (seed {seed}," in " ".join(done.stderr.split())
        figures.append(json.loads(out.read_text()))
    assert figures[0] == figures[1] != figures[2]


def test_evaluate_refuses_a_model_of_other_classes(small_mufac: Path, tmp_path: Path) -> None:
    torch.save(Released(7).state_dict(), tmp_path / "emotion.pth")
    info = {"architecture": "resnet18", "task": "age", "classes": list("ABCDEFGH"), "image_size": 24}
    models.save(models.build("resnet18", 8), tmp_path / "model", info)
    for name, words in (("emotion.pth", "predicts 7 classes, 'age' of"), ("model", "predicts 8 classes (A, B, C,")):
        done = dlfd_evaluate(tmp_path / name, small_mufac)
        assert done.exit_code == 1
        assert words in " ".join(done.stderr.split())


def test_evaluate_names_what_is_not_there(small_mufac: Path, tmp_path: Path) -> None:
    done = dlfd_evaluate(tmp_path / "age.pth", small_mufac)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "age.pth not found" in done.stderr
