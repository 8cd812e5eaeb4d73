from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from helpers import CLASSES, make_faces, make_model

from pipeline.data.batches import Faces
from pipeline.errors import DataError
from pipeline.evaluation.samples import load, per_sample
from pipeline.learning.models import FaceClassifier

COUNT = 60


@pytest.fixture(scope="module")
def model() -> FaceClassifier:
    return make_model()


@pytest.fixture(scope="module")
def splits() -> pd.DataFrame:
    """Rows in another order than the pictures."""
    table = pd.DataFrame({"image": np.arange(COUNT), "unit": [f"u{number // 3}" for number in range(COUNT)]})
    return table.sample(frac=1, random_state=0)


def subsets(every: Faces) -> dict[str, Faces]:
    """Two interleaved subsets of the same pictures, the second backwards."""
    chosen = {"retain": torch.arange(0, COUNT, 2), "forget": torch.arange(COUNT - 1, 0, -2)}
    return {name: Faces(images=every.images, rows=rows, labels=every.labels[rows]) for name, rows in chosen.items()}


def test_each_picture_has_its_own_row(model: FaceClassifier, splits: pd.DataFrame) -> None:
    every = make_faces(COUNT)
    table = per_sample(model, subsets(every), splits).table
    assert sorted(table["image"]) == list(range(COUNT))
    assert (table["unit"] == "u" + (table["image"] // 3).astype(str)).all()
    assert (table["subset"] == np.where(table["image"] % 2, "forget", "retain")).all()
    assert (table["label"].to_numpy() == every.labels[table["image"].to_numpy()].numpy()).all()


def test_the_figures_are_those_of_a_plain_pass(model: FaceClassifier, splits: pd.DataFrame) -> None:
    every = make_faces(COUNT)
    table = per_sample(model, subsets(every), splits).table.set_index("image").sort_index()
    with torch.no_grad():
        logits = model(every.images.permute(0, 3, 1, 2).float() / 255)
    np.testing.assert_allclose(
        table["loss"], F.cross_entropy(logits, every.labels, reduction="none"), rtol=1e-4, atol=1e-6
    )
    assert (table["prediction"].to_numpy() == logits.argmax(1).numpy()).all()
    assert (table["correct"] == (table["prediction"] == table["label"])).all()
    second = logits.topk(2).indices.eq(every.labels[:, None]).any(1).numpy()
    assert (table["top2_correct"].to_numpy() == second).all()
    assert 1 < table["prediction"].nunique() <= CLASSES, "the test is no test if one class takes all"
    np.testing.assert_allclose(table["loss"], np.logaddexp(0, -table["margin"]))


def test_the_model_is_left_in_its_mode_and_unchanged(splits: pd.DataFrame) -> None:
    model = make_model().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    per_sample(model, subsets(make_faces(COUNT)), splits)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_an_empty_subset_leaves_no_row(model: FaceClassifier, splits: pd.DataFrame) -> None:
    every = make_faces(COUNT)
    none = Faces(images=every.images, rows=torch.arange(0), labels=every.labels[:0])
    table = per_sample(model, {**subsets(every), "unseen": none}, splits).table
    assert len(table) == COUNT
    assert table["correct"].dtype == bool


def test_attributes_have_a_summed_loss_and_a_share_that_is_right(splits: pd.DataFrame) -> None:
    every = make_faces(COUNT)
    bits = torch.randint(2, (COUNT, CLASSES), generator=torch.Generator().manual_seed(0))
    faces = Faces(images=every.images, rows=torch.arange(COUNT), labels=bits)
    model = make_model()
    table = per_sample(model, {"forget": faces}, splits).table
    with torch.no_grad():
        logits = model(every.images.permute(0, 3, 1, 2).float() / 255)
    loss = F.binary_cross_entropy_with_logits(logits, bits.float(), reduction="none").sum(1)
    np.testing.assert_allclose(table["loss"], loss, rtol=1e-4, atol=1e-6)
    right = ((logits > 0) == (bits > 0)).float()
    np.testing.assert_allclose(table["correct"], right.mean(1), rtol=1e-6)
    names = ("correct_gender", "correct_young", "correct_smiling")
    np.testing.assert_allclose(table[list(names)].to_numpy(), right)
    np.testing.assert_allclose(np.exp(-table["loss"]), 1 / (1 + np.exp(-table["margin"])), rtol=1e-6)
    assert (table["label"].to_numpy() == (bits * torch.tensor([1, 2, 4])).sum(1).numpy()).all()
    assert "top2_correct" not in table


def test_what_is_stored_comes_back(model: FaceClassifier, splits: pd.DataFrame, tmp_path: Path) -> None:
    found = per_sample(model, subsets(make_faces(COUNT)), splits)
    found.save(tmp_path / "there")
    back = load(tmp_path / "there")
    pd.testing.assert_frame_equal(found.table, back.table)
    for name in ("labels", "logits", "features"):
        assert (getattr(found, name) == getattr(back, name)).all()
    assert set(back.of("forget").table["subset"]) == {"forget"}
    assert len(back.of("forget").features) == len(back.of("forget").table) == COUNT // 2


def test_missing_and_damaged_results_are_named(model: FaceClassifier, splits: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not found: run `dvc repro`"):
        load(tmp_path)
    per_sample(model, subsets(make_faces(COUNT)), splits).save(tmp_path)
    path = tmp_path / "outputs.npz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match="is damaged"):
        load(tmp_path)
