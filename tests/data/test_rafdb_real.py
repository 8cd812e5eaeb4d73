"""The real RAF-DB: its counts, its three pairs of identical pictures, and splits without leaks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.data import checks, raw, sources, splits, store
from pipeline.settings import DataSettings, SplitSettings, ValidateSettings

ROOT = Path(__file__).parents[2]
RAFDB = Path(os.environ.get("RAFDB", ROOT.parent / "shared" / "data" / "rafdb.tar"))

pytestmark = [
    pytest.mark.rafdb,
    pytest.mark.skipif(not RAFDB.exists(), reason=f"{RAFDB} not found: set RAFDB to the folder or archive"),
]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> store.Store:
    scratch = tmp_path_factory.mktemp("rafdb")
    with raw.opened(RAFDB, scratch) as root:
        return store.build(sources.read(root), scratch / "faces", DataSettings(image_size=32))


def test_the_store(faces: store.Store) -> None:
    assert faces.info["name"] == "rafdb"
    assert faces.images.shape == (15339, 32, 32, 3)
    assert faces.info["skipped_corrupt"] == 0
    assert faces.info["published_subsets"] == {"forget": 3312, "retain": 7731, "unseen": 3068, "validation": 1228}
    train = faces.table["source"].str.startswith("train/")
    assert [train.sum(), (~train).sum()] == [12271, 3068]
    emotions = faces.table["emotion"][train].value_counts(sort=False).sort_index()
    assert emotions.tolist() == [1290, 281, 717, 4772, 1982, 705, 2524]


def test_identical_pictures_are_three_pairs_of_neighbours(faces: store.Store) -> None:
    twins = faces.table[faces.table["content"].duplicated(keep=False)]
    assert sorted(twins["source"].str.rpartition("/")[2].str[:-12]) == [
        "test_2809",
        "test_2810",
        "train_03282",
        "train_03285",
        "train_08539",
        "train_08540",
    ]
    assert twins.groupby("content")["emotion"].nunique().eq(1).all()


@pytest.mark.parametrize(("protocol", "excluded"), [("published", 0), ("person", 3)])
def test_neither_split_leaks(faces: store.Store, tmp_path: Path, protocol: str, excluded: int) -> None:
    chosen = SplitSettings(protocol=protocol)  # type: ignore[arg-type]
    classes = faces.info["classes"]
    split = splits.make(faces.table, classes, task="emotion", settings=chosen, seed=0)
    leaks = split.summary["leaks"]
    assert [leaks["contents"], leaks["units"], leaks["conflicts"]] == [{}, {}, 0]
    assert (split.table["subset"] == "excluded").sum() == excluded
    outcome = checks.check(
        split.table, faces.table, classes["emotion"], protocol=protocol, settings=ValidateSettings(), docs=tmp_path
    )
    assert outcome.errors == []
    assert outcome.warnings == []
