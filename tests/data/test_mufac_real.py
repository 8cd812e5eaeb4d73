"""The real MUFAC: its known leaks, exactly, and a person split without any."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from pipeline.data import checks, groups, raw, sources, splits, store
from pipeline.settings import DataSettings, SplitSettings, ValidateSettings

ROOT = Path(__file__).parents[2]
MUFAC = Path(os.environ.get("MUFAC", ROOT.parent / "shared" / "data" / "mufac.tar"))

pytestmark = [
    pytest.mark.mufac,
    pytest.mark.skipif(not MUFAC.exists(), reason=f"{MUFAC} not found: set MUFAC to the folder or archive"),
]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> store.Store:
    scratch = tmp_path_factory.mktemp("mufac")
    with raw.opened(MUFAC, scratch) as root:
        return store.build(sources.read(root), scratch / "faces", DataSettings(image_size=32))


def split_of(faces: store.Store, protocol: str) -> splits.Split:
    chosen = SplitSettings(protocol=protocol)  # type: ignore[arg-type]
    return splits.make(faces.table, faces.info["classes"], task="age", settings=chosen, seed=0)


def check(faces: store.Store, table: pd.DataFrame, protocol: str, docs: Path) -> checks.Outcome:
    classes = faces.info["classes"]["age"]
    return checks.check(table, faces.table, classes, protocol=protocol, settings=ValidateSettings(), docs=docs)


def test_the_store(faces: store.Store) -> None:
    assert faces.images.shape == (13068, 32, 32, 3)
    assert faces.info["published_subsets"] == {"forget": 1500, "retain": 8525, "unseen": 1504, "validation": 1539}
    train = faces.table["published_subset"].isin(["forget", "retain"])
    assert faces.table["age"][train].value_counts(sort=False).sort_index().tolist() == [
        2121,
        1951,
        1728,
        1216,
        1487,
        814,
        444,
        264,
    ]
    assert faces.info["skipped_corrupt"] == 0


def test_persons_are_components_of_keys(faces: store.Store) -> None:
    table = faces.table.assign(unit=groups.units(faces.table["person"], faces.table["content"]))
    keys = table.groupby("unit")["person"].nunique()
    assert table["person"].nunique() == 1216
    assert len(keys) == 841
    assert [(keys == 1).sum(), (keys == 2).sum(), keys.between(3, 7).sum()] == [541, 252, 48]
    assert table["unit"].value_counts().max() == 105


def test_the_published_split_has_its_known_leaks(faces: store.Store, tmp_path: Path) -> None:
    split = split_of(faces, "published")
    assert split.summary["counts"] == faces.info["published_subsets"]
    leaks = split.summary["leaks"]
    assert leaks["contents"] == {"forget & retain": 18, "retain & unseen": 27, "validation & unseen": 16}
    assert leaks["units"] == {"forget & retain": 3, "retain & unseen": 2, "validation & unseen": 2}
    assert faces.table.loc[leaks["cut_persons"], "person"].tolist() == ["F0046/D"]
    assert leaks["conflicts"] == 1
    assert leaks["duplicates"] == 10025 - 6790
    outcome = check(faces, split.table, "published", tmp_path)
    assert outcome.errors == []
    told = "\n".join(outcome.warnings)
    assert "(18 in forget & retain, 27 in retain & unseen, 16 in validation & unseen)" in told


@pytest.mark.parametrize("seed", [0, 1])
def test_the_person_split_has_none(faces: store.Store, tmp_path: Path, seed: int) -> None:
    chosen = SplitSettings()
    split = splits.make(faces.table, faces.info["classes"], task="age", settings=chosen, seed=seed)
    leaks = split.summary["leaks"]
    assert not any(leaks.values())
    assert split.summary["excluded"] == {"duplicate": 3945, "identical pictures with different labels": 5}
    used = (split.table["subset"] != "excluded").sum()
    for name, share in (("forget", 0.15), ("validation", 0.15)):
        assert split.summary["counts"][name] / used == pytest.approx(share, abs=0.01)
    assert split.summary["counts"]["unseen"] >= 0.95 * split.summary["counts"]["forget"]
    outcome = check(faces, split.table, "person", tmp_path)
    assert outcome.errors == []
    assert outcome.warnings == []
