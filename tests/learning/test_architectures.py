from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
import torchvision
from helpers import make_model, same_state, state
from torch import nn

from pipeline.errors import ConfigError, ModelError
from pipeline.learning import architectures, models

WIDTHS = {"resnet18": 512, "densenet121": 1024, "efficientnet_b0": 1280}
BLOCKS = {"resnet18": 6, "densenet121": 6, "efficientnet_b0": 10}
PIXELS = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=WIDTHS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(name: str) -> models.FaceClassifier:
    torch.manual_seed(0)
    return models.build(name, 5).eval()


@torch.no_grad()
def test_features_are_the_pooled_output(name: str, model: models.FaceClassifier) -> None:
    features = model.features(PIXELS)
    assert features.shape == (2, WIDTHS[name])
    torch.testing.assert_close(model.head(features), model(PIXELS))
    assert model.classes == model(PIXELS).shape[1] == 5


def test_every_weight_and_statistic_is_in_one_block(name: str, model: models.FaceClassifier) -> None:
    blocks = model.blocks()
    assert len(blocks) == BLOCKS[name]
    inside = [value for block in blocks for value in block.state_dict(keep_vars=True).values()]
    whole = {id(value) for key, value in model.state_dict(keep_vars=True).items() if key not in ("mean", "std")}
    assert len({id(value) for value in inside}) == len(inside), "each once"
    assert {id(value) for value in inside} == whole
    assert list(blocks[-1].children()) == [model.head]


def test_blocks_stand_in_the_order_of_the_network(name: str, model: models.FaceClassifier) -> None:
    seen: list[int] = []
    handles = [
        part.register_forward_hook(lambda *_, number=number: seen.append(number))
        for number, block in enumerate(model.blocks())
        for part in block
    ]
    with torch.no_grad():
        model(PIXELS)
    for handle in handles:
        handle.remove()
    assert seen == sorted(seen)
    assert set(seen) == set(range(BLOCKS[name]))


def test_a_transition_belongs_to_the_dense_block_before_it() -> None:
    model = models.build("densenet121", 2)
    third, fourth = model.blocks()[-3:-1]
    inside = model.backbone.get_submodule("features")
    assert list(third) == [inside.denseblock3, inside.transition3]
    assert list(fourth) == [inside.denseblock4, inside.norm5]


def test_a_model_of_bare_layers_has_blocks_too() -> None:
    assert len(make_model().blocks()) == 2


@pytest.mark.parametrize("head", architectures.HEADS)
def test_a_saved_model_of_any_kind_comes_back(name: str, head: str, tmp_path: Path) -> None:
    model = models.build(name, 3, [0.1, 0.2, 0.3], [0.5, 0.6, 0.7], head=head).eval()
    info = {"architecture": name, "head": head, "classes": ["a", "b", "c"], "image_size": 32}
    models.save(model, tmp_path, info)
    assert same_state(state(model), state(models.load(tmp_path)))


def test_logits_come_back_too(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = models.to_device(models.build(name, 3, head="mlp"), "cpu").eval()
    models.save(model, tmp_path, {"architecture": name, "head": "mlp", "classes": ["a", "b", "c"], "image_size": 32})
    with torch.no_grad():
        assert torch.equal(model(PIXELS), models.load(tmp_path)(PIXELS))


def test_pictures_too_small_for_a_backbone_are_refused() -> None:
    backbone, _ = architectures.make_backbone("densenet121")
    least = architectures.BACKBONES["densenet121"].least_size
    architectures.check_image_size("densenet121", least)
    assert backbone.eval()(torch.zeros(1, 3, least, least)).shape == (1, 1024)
    with pytest.raises(RuntimeError):
        backbone(torch.zeros(1, 3, least - 1, least - 1))
    with pytest.raises(ConfigError, match=r"data\.image_size is 28, but densenet121 needs 29"):
        architectures.check_image_size("densenet121", least - 1)


def test_an_unknown_head_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown head 'deep' \(known: linear, mlp\)"):
        models.build("resnet18", 2, head="deep")


def test_only_the_last_blocks_can_learn(model: models.FaceClassifier) -> None:
    with models.only_last(model, 2):
        free = {id(p) for p in model.parameters() if p.requires_grad}
        assert free == {id(p) for block in model.blocks()[-2:] for p in block.parameters()}
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("name", architectures.BACKBONES)
def test_a_fresh_copy_has_no_opinion(name: str) -> None:
    torch.manual_seed(0)
    fresh = models.fresh_like(models.build(name, 8)).eval()
    with torch.no_grad():
        logits = fresh(torch.rand(16, 3, 64, 64))
    assert logits.abs().max() < 20
    assert torch.distributions.Categorical(logits=logits).entropy().mean() > 0.5


@pytest.mark.parametrize("name", architectures.BACKBONES)
def test_reinitialised_means_new_and_as_fresh(name: str) -> None:
    torch.manual_seed(0)
    backbone, _ = architectures.make_backbone(name)
    with torch.no_grad():
        for value in backbone.state_dict().values():
            value.fill_(7)
    architectures.reinitialise(backbone)
    fresh, _ = architectures.make_backbone(name)
    for key, value in fresh.state_dict().items():
        ours = backbone.state_dict()[key]
        if value.ndim == 4:
            assert float(ours.std()) == pytest.approx(float(value.std()), rel=0.05 + 4 / value.numel() ** 0.5), key
        else:
            torch.testing.assert_close(ours, value, msg=key)


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown architecture 'resnet81' \(known: resnet18, densenet121"):
        architectures.make_backbone("resnet81")


def test_a_pretrained_start(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    theirs = torchvision.models.resnet18()
    torch.save(theirs.state_dict(), path)
    model = models.build("resnet18", 4, weights=path)
    theirs.fc = nn.Identity()
    assert same_state(state(theirs), state(model.backbone))
    assert model.classes == 4
    torch.testing.assert_close(model.mean.flatten(), torch.tensor(architectures.IMAGENET_MEAN))  # type: ignore[operator]


def test_the_names_and_gaps_of_torchvisions_old_files_are_understood(tmp_path: Path) -> None:
    """densenet121-a639ec97.pth says norm.1 for norm1, and has no counters of batches."""
    torch.manual_seed(0)
    theirs = torchvision.models.densenet121().eval()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", key): value
        for key, value in theirs.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "weights.pth", _use_new_zipfile_serialization=False)
    model = models.build("densenet121", 4, weights=tmp_path / "weights.pth")
    theirs.classifier = nn.Identity()
    assert same_state(state(theirs), state(model.backbone))


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(ModelError, match="not found"):
        models.build("resnet18", 4, weights=path)
    whole = torchvision.models.resnet18().state_dict()
    torch.save(whole, path)
    with pytest.raises(ModelError, match=r"no.* torchvision state dict of densenet121: \S+ is unknown, and \d+ more$"):
        models.build("densenet121", 4, weights=path)
    torch.save({**whole, "conv1.weight": torch.zeros(64, 1, 7, 7)}, path)
    with pytest.raises(ModelError, match=r"conv1.weight is \[64, 1, 7, 7\], not \[64, 3, 7, 7\]$"):
        models.build("resnet18", 4, weights=path)
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"holds no plain tensors \(it is damaged"):
        models.build("resnet18", 4, weights=path)
