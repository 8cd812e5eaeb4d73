from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from helpers import same_state, state
from torch import nn

from pipeline.errors import ConfigError, ModelError
from pipeline.learning import models

INFO = {"architecture": "resnet18", "classes": ["a", "b", "c"], "image_size": 32}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[models.FaceClassifier, Path]:
    torch.manual_seed(0)
    model = models.build("resnet18", 3, [0.1, 0.2, 0.3], [0.5, 0.6, 0.7]).eval()
    folder = tmp_path_factory.mktemp("model")
    models.save(model, folder, INFO)
    return model, folder


def test_logits_are_the_head_of_the_features(saved: tuple[models.FaceClassifier, Path]) -> None:
    model, _ = saved
    pixels = torch.rand(2, 3, 32, 32)
    features = model.features(pixels)
    assert features.shape == (2, 512)
    torch.testing.assert_close(model(pixels), model.head(features))


def test_the_model_normalises_pixels_itself(saved: tuple[models.FaceClassifier, Path]) -> None:
    model, _ = saved
    pixels = torch.rand(2, 3, 32, 32)
    normalised = (pixels - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / torch.tensor([0.5, 0.6, 0.7]).view(3, 1, 1)
    torch.testing.assert_close(model.features(pixels), model.backbone(normalised))


def test_a_saved_model_comes_back_bit_for_bit(saved: tuple[models.FaceClassifier, Path]) -> None:
    model, folder = saved
    loaded = models.load(folder)
    assert same_state(state(model), state(loaded))
    assert not loaded.training
    assert models.load_info(folder).items() >= INFO.items()


@pytest.mark.parametrize("damage", ["cut", "garbage", "gone", "a flipped bit"])
def test_damaged_weights_are_named_with_a_remedy(
    saved: tuple[models.FaceClassifier, Path], tmp_path: Path, damage: str
) -> None:
    _, folder = saved
    for name in (models.WEIGHTS, models.INFO):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    weights = tmp_path / models.WEIGHTS
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "garbage":
        weights.write_bytes(b"\x00" * 5000)
    elif damage == "a flipped bit":
        content = bytearray(weights.read_bytes())
        content[-1] ^= 0x40
        weights.write_bytes(content)
    else:
        weights.unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors.*dvc repro"):
        models.load(tmp_path)


def test_damaged_or_incomplete_info_is_named(saved: tuple[models.FaceClassifier, Path], tmp_path: Path) -> None:
    (tmp_path / models.INFO).write_text("{")
    with pytest.raises(ModelError, match=r"model\.json is damaged"):
        models.load(tmp_path)
    (tmp_path / models.INFO).write_text('{"classes": []}')
    with pytest.raises(ModelError, match="lacks architecture, image_size"):
        models.load(tmp_path)


def test_weights_of_another_architecture_do_not_fit(saved: tuple[models.FaceClassifier, Path], tmp_path: Path) -> None:
    _, folder = saved
    (tmp_path / models.WEIGHTS).write_bytes((folder / models.WEIGHTS).read_bytes())
    (tmp_path / models.INFO).write_text('{"architecture": "resnet18", "classes": ["a", "b"], "image_size": 32}')
    with pytest.raises(ModelError, match="does not fit"):
        models.load(tmp_path)


def test_unknown_architectures_name_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown architecture 'resnet19' \(known: resnet18"):
        models.build("resnet19", 2)


def test_cuda_without_cuda_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="device: auto"):
        models.select_device("cuda")
    assert models.select_device("auto").type == "cpu"


def test_a_full_disk_is_an_os_error_that_stages_explain(tmp_path: Path) -> None:
    from stages.common import explain

    (tmp_path / models.WEIGHTS).symlink_to("/dev/full")
    model = models.FaceClassifier(nn.Flatten(), nn.Linear(12, 2), [0.5] * 3, [0.5] * 3)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is what counts
        models.save(model, tmp_path, INFO)
    assert "disk is full" in (explain(caught.value) or "")


def test_a_limit_on_file_sizes_is_not_called_a_full_disk(tmp_path: Path) -> None:
    from stages.common import explain

    told = explain(OSError(errno.EFBIG, "File too large", str(tmp_path / models.WEIGHTS))) or ""
    assert "may not grow" in told
    assert "ulimit" in told
    assert models.WEIGHTS in told
