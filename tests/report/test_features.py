"""Pictures of features, all in one plane."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tiny_report as tiny

from pipeline import layout
from pipeline.errors import DataError
from pipeline.report import features


def turned(rng: np.random.Generator, width: int) -> np.ndarray:
    return np.linalg.qr(rng.normal(size=(width, width)))[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_model_that_only_turns_stretches_and_shifts_looks_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    retain, others = rng.normal(size=(50, 7)) * np.arange(7, 0, -1), rng.normal(size=(9, 7))
    rotation, shift = turned(rng, 7), rng.normal(size=7)
    plane = features.Plane.of(retain)
    expected, same = plane.moved(others, retain)
    places, larger = plane.moved(3 * others @ rotation + shift, 3 * retain @ rotation + shift)
    assert same == pytest.approx(1)
    assert larger == pytest.approx(3)
    assert places == pytest.approx(expected, abs=1e-9)


def test_the_plane_is_that_of_the_principal_components() -> None:
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(0)
    retain = rng.normal(size=(80, 5)) * [5, 3, 1, 1, 1] + 2
    plane = features.Plane.of(retain)
    reference = PCA(2).fit(retain)
    assert np.abs((plane.axes * reference.components_.T).sum(0)) == pytest.approx([1, 1])
    assert plane.explained == pytest.approx(reference.explained_variance_ratio_.sum())
    assert np.abs(plane.moved(retain, retain)[0]) == pytest.approx(np.abs(reference.transform(retain)))


def test_features_that_are_no_numbers_have_no_place() -> None:
    retain = np.random.default_rng(0).normal(size=(20, 4))
    broken = np.full((20, 4), np.nan)
    places, larger = features.Plane.of(retain).moved(broken[:3], broken)
    assert np.isnan(places).all()
    assert np.isnan(larger)


def test_all_models_are_seen_with_the_same_pictures_few_of_each_subset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "PICTURES", 10)
    tiny.make()
    data = features.section(tiny.read()).data["features"]
    assert (data.groupby(["model", "subset"]).size() == 10).all()
    by_model = {name: part[["subset", "label"]].to_numpy().tolist() for name, part in data.groupby("model")}
    assert by_model["dlfd"] == by_model["original"]
    # tiny models differ by rotation, size and shift alone (and by what float16 rounds)
    places = {name: part[["x", "y"]].to_numpy() for name, part in data.groupby("model")}
    assert places["dlfd"] == pytest.approx(places["original"], abs=0.05)


def test_results_of_other_pictures_are_refused() -> None:
    tiny.make()
    path = layout.EVALUATION / "dlfd" / "samples.parquet"
    table = pd.read_parquet(path)
    table.assign(image=table["image"] + 1).to_parquet(path)
    with pytest.raises(DataError, match=r"dlfd was evaluated on other pictures .* run `dvc repro`"):
        features.section(tiny.read())
