"""What the model folders of train and unlearn say about how a model is built."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import torchvision
from tiny_data import write_mufac

from pipeline import config, layout
from pipeline.config import Params
from pipeline.data import raw, sources, splits, store
from pipeline.errors import ConfigError, ModelError
from pipeline.hashes import file_hash
from pipeline.jobs import train
from pipeline.jobs.evaluate import evaluate_model
from pipeline.jobs.train import take_over_base, train_model
from pipeline.jobs.train_yardstick import make_yardstick
from pipeline.jobs.unlearn import unlearn_model
from pipeline.learning import architectures, models
from pipeline.learning.training import Checkpoint
from pipeline.settings import AuditSettings, DataSettings, EvaluateSettings, ModelSettings, SplitSettings, TrainSettings
from pipeline.unlearning import finetune

QUICK = TrainSettings(epochs=1, batch_size=32, learning_rate=1e-3, augment=False, precision="fp32")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of 72 faces and the torchvision weights of a ResNet18."""
    folder = tmp_path_factory.mktemp("jobs")
    write_mufac(folder / layout.RAW, persons=8)
    with raw.opened(folder / layout.RAW, folder) as root:
        store.build(sources.read(root), folder / layout.FACES, DataSettings(image_size=24))
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18().state_dict(), folder / "weights.pth")
    return folder


@pytest.fixture
def here(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(workplace)
    return workplace


def params(**model: Any) -> Params:
    split = SplitSettings(forget_fraction=0.2)
    return Params(device="cpu", split=split, train=QUICK, model=ModelSettings(**model))


def table(chosen: Params) -> Any:
    faces = store.open(layout.FACES)
    return splits.make(faces.table, faces.info["classes"], task="age", settings=chosen.split, seed=0).table


def test_a_model_is_built_and_described_as_params_say(here: Path) -> None:
    chosen = params(head="mlp", weights="weights.pth")
    train_model("original", chosen, table(chosen))
    info = models.load_info(layout.MODELS / "original")
    assert (info["architecture"], info["head"]) == ("resnet18", "mlp")
    assert info["weights"] == file_hash(Path("weights.pth"))
    model = models.load(layout.MODELS / "original")
    torch.testing.assert_close(model.mean.flatten(), torch.tensor(architectures.IMAGENET_MEAN))  # type: ignore[operator]
    start = torch.load("weights.pth", weights_only=True)["conv1.weight"]
    assert (model.backbone.get_submodule("conv1").weight - start).abs().max() < 0.05, "one small epoch from there"

    other = params(architecture="densenet121", weights="gone.pth")  # params.yaml changed since
    unlearn_model("finetune", finetune.Settings(**dataclasses.asdict(QUICK)), other, table(chosen))
    unlearned = models.load_info(layout.MODELS / "finetune")
    assert {k: unlearned[k] for k in ("architecture", "head", "weights")} == {
        k: info[k] for k in ("architecture", "head", "weights")
    }
    assert models.load(layout.MODELS / "finetune").classes == 8
    assert unlearned["trained_on"] == info["trained_on"] == ["retain", "forget"]


def test_other_content_of_the_weights_is_another_training(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prints: list[str] = []
    monkeypatch.setattr(train, "Checkpoint", lambda path, mark: prints.append(mark) or Checkpoint(path, mark))
    chosen = params(weights="other.pth")
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        torch.save(torchvision.models.resnet18().state_dict(), "other.pth")
        train_model("retrained", chosen, table(chosen))
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        ({"weights": "gone.pth"}, ModelError, "model.weights: gone.pth not found"),
        ({"weights": "weights.pth", "architecture": "efficientnet_b0"}, ModelError, "weights.pth is not a torchvision"),
        ({"architecture": "densenet121"}, ConfigError, "data.image_size is 24, but densenet121 needs 29"),
        ({"architecture": "resnet81"}, ConfigError, "model.architecture: unknown architecture 'resnet81'"),
    ],
)
def test_what_cannot_be_built_is_refused_before_training(
    here: Path, model: dict[str, str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        train_model("original", params(**model), table(params()))


def test_the_knobs_of_a_model_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("model: {head: deep, weights: 3}\n")
    with pytest.raises(ConfigError, match=r"model.head: .*'linear' or 'mlp'.*\n.*model.weights: "):
        config.load(path)


@pytest.mark.parametrize("task", ["attributes", "young", "emotion"])
def test_every_task_is_trained_unlearned_and_evaluated(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (layout.RAW).mkdir()
    (layout.RAW / "dataset.yaml").write_text("kind: synthetic\npersons: 40\nimages_per_person: 2\n")
    with raw.opened(layout.RAW, tmp_path) as root:
        store.build(sources.read(root), layout.FACES, DataSettings(image_size=24))
    chosen = dataclasses.replace(params(), task=task, evaluate=EvaluateSettings(attack_folds=2, bootstrap=50))  # type: ignore[arg-type]
    faces = store.open(layout.FACES)
    split = splits.make(faces.table, faces.info["classes"], task=task, settings=chosen.split, seed=0).table
    for name in layout.TRAINED:
        train_model(name, chosen, split)
    run = unlearn_model("finetune", finetune.Settings(epochs=1, batch_size=32, precision="fp32"), chosen, split)
    assert run.status == "finished"
    evaluate_model("retrained", chosen, split)
    figures = evaluate_model("finetune", chosen, split)
    table = pd.read_parquet(layout.EVALUATION / "finetune/samples.parquet")
    held_out = table[table["subset"].isin(["test", "unseen"])]
    assert figures["test_accuracy"] == pytest.approx(held_out["correct"].mean())
    assert ("top2_accuracy" in figures) == (task == "emotion"), "of two classes one is always right"
    if task == "attributes":
        each = [figures[f"{name}_accuracy"] for name in ("gender", "young", "smiling")]
        assert figures["test_accuracy"] == pytest.approx(sum(map(float, each)) / 3)


def test_further_yardsticks_are_trained_and_shared(here: Path) -> None:
    audit = AuditSettings(oracle_seeds=[1], reference_models=[1, 2], relearn_steps=5)
    chosen = dataclasses.replace(params(), audit=audit, evaluate=EvaluateSettings(attack_folds=2, bootstrap=50))
    split = table(chosen)
    for name in layout.TRAINED:
        train_model(name, chosen, split)
    for name in ("oracle-1", "reference-1", "reference-2"):
        make_yardstick(name, chosen, split)
        told = models.load_info(layout.YARDSTICKS / name)
        assert (told["seed"], told["trained_on"]) == (int(name[-1]), ["retain"])
    evaluate_model("retrained", chosen, split)
    figures = evaluate_model("original", chosen, split)
    assert {"lira_auc", "rmia_auc", "klom_forget", "verdict", "relearn_steps"} <= set(figures)
    assert figures["relearn_steps"] == 0, "it has never forgotten"
    persons = pd.read_csv(layout.EVALUATION / "original/persons.csv")
    assert len(persons) == figures["persons_audited"] == split.loc[split["subset"] == "forget", "unit"].nunique()
    assert set(pd.read_csv(layout.EVALUATION / "original/attacks.csv")["attack"]) >= {"loss", "rmia", "lira"}


def test_the_model_in_service_becomes_the_original_of_a_round(here: Path) -> None:
    chosen = params()
    train_model("retrained", chosen, table(chosen))
    shutil.copytree(layout.MODELS / "retrained", layout.BASE, dirs_exist_ok=True)
    assert take_over_base(chosen, table(chosen)) == []
    old, new = (folder / "model.safetensors" for folder in (layout.BASE, layout.MODELS / "original"))
    assert new.read_bytes() == old.read_bytes()
    told = models.load_info(layout.MODELS / "original")
    assert (told["name"], told["started_from"], told["seconds"]) == ("original", "retrained", 0)
    assert told["trained_on"] == ["retain"], "as the model in service"
    with pytest.raises(ModelError, match=r"architecture 'resnet18', not 'densenet121'; head 'linear', not 'mlp'"):
        take_over_base(params(architecture="densenet121", head="mlp"), table(chosen))
