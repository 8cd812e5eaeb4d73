from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
import torchvision
from helpers import make_model, same_state, state
from torch import nn

from pipeline import architectures, models
from pipeline.errors import ConfigError, ModelError

WIDTHS = {"resnet18": 512, "densenet121": 1024, "efficientnet_b0": 1280}
BLOCKS = {"resnet18": 6, "densenet121": 9, "efficientnet_b0": 10}
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


def test_a_model_of_bare_layers_has_blocks_too() -> None:
    assert len(make_model().blocks()) == 2


@pytest.mark.parametrize("head", architectures.HEADS)
def test_a_saved_model_of_any_kind_comes_back(name: str, head: str, tmp_path: Path) -> None:
    model = models.build(name, 3, [0.1, 0.2, 0.3], [0.5, 0.6, 0.7], head=head).eval()
    info = {"architecture": name, "head": head, "classes": ["a", "b", "c"], "image_size": 32}
    models.save(model, tmp_path, info)
    assert same_state(state(model), state(models.load(tmp_path)))


def test_only_the_last_blocks_can_learn(model: models.FaceClassifier) -> None:
    with models.only_last(model, 2):
        free = {id(p) for p in model.parameters() if p.requires_grad}
        assert free == {id(p) for block in model.blocks()[-2:] for p in block.parameters()}
    assert all(p.requires_grad for p in model.parameters())


def test_reinitialised_means_new_and_as_fresh() -> None:
    torch.manual_seed(0)
    backbone, _ = architectures.make_backbone("resnet18")
    with torch.no_grad():
        for value in backbone.state_dict().values():
            value.fill_(7)
    architectures.reinitialise(backbone)
    fresh, _ = architectures.make_backbone("resnet18")
    for key, value in fresh.state_dict().items():
        ours = backbone.state_dict()[key]
        if value.ndim == 4:
            assert float(ours.std()) == pytest.approx(float(value.std()), rel=0.05), key
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


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(ModelError, match="not found"):
        models.build("resnet18", 4, weights=path)
    torch.save(torchvision.models.resnet18().state_dict(), path)
    with pytest.raises(ModelError, match=r"no.* torchvision state dict of densenet121"):
        models.build("densenet121", 4, weights=path)
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="holds no plain tensors"):
        models.build("resnet18", 4, weights=path)


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("hostile"),)  # type: ignore[return-value]


def test_code_in_a_pickle_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights.pth").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(ModelError, match="holds no plain tensors"):
        architectures.read_state_dict(Path("weights.pth"))
    assert not Path("hostile").exists()
