"""The layout of the paper's released checkpoints, and `dlfd evaluate` on one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torchvision
from tiny_data import write_mufac
from torch import Tensor, nn
from typer.testing import CliRunner

from pipeline import architectures, paper_checkpoint
from pipeline.data.sources import mufac
from pipeline.errors import ModelError
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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {k: v for k, v in s.items() if not k.startswith("features.")}, "no features"),
        (lambda s: {**s, "features.0.weight": torch.zeros(300, 512)}, "512 -> 300 -> 128 -> 8"),
        (lambda s: {k: v for k, v in s.items() if k != "base_model.conv1.weight"}, "conv1.weight"),
        (lambda s: {k: v for k, v in s.items() if k != "features.3.bias"}, "features.3.bias"),
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


def test_evaluate_prints_and_writes_the_figures(released: Released, small_mufac: Path, tmp_path: Path) -> None:
    torch.save(released.state_dict(), tmp_path / "age.pth")
    out = tmp_path / "figures.json"
    arguments = ["evaluate", "--checkpoint", str(tmp_path / "age.pth"), "--data", str(small_mufac)]
    done = CliRunner().invoke(app, [*arguments, "--image-size", "32", "--json", str(out)])
    assert done.exit_code == 0, done.output
    assert "nomus" in done.output
    figures = json.loads(out.read_text())
    assert figures["nomus"] == pytest.approx((figures["test_accuracy"] + 1 - figures["forgetting_score"]) / 2)


def test_evaluate_refuses_a_checkpoint_of_another_task(small_mufac: Path, tmp_path: Path) -> None:
    torch.save(Released(7).state_dict(), tmp_path / "emotion.pth")
    arguments = ["evaluate", "--checkpoint", str(tmp_path / "emotion.pth"), "--data", str(small_mufac)]
    done = CliRunner().invoke(app, [*arguments, "--image-size", "32"])
    assert done.exit_code == 1
    assert "predicts 7 classes, 'age' of" in " ".join(done.output.split())
