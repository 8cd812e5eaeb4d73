"""The real RAF-DB: its counts, and both protocols."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.data import raw, sources, splits, store
from pipeline.settings import DataSettings, SplitSettings

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
    assert len(faces.table) == 15_339
    assert faces.table["source"].str.startswith("train/").sum() == 12_271
    assert faces.table["emotion"].value_counts().sort_index().tolist()[3] == faces.table["emotion"].value_counts().max()


def test_the_published_protocol(faces: store.Store) -> None:
    settings = SplitSettings(protocol="published")
    split = splits.make(faces.table, faces.info["classes"], task="emotion", settings=settings, seed=0)
    counts = split.table["subset"].value_counts().to_dict()
    assert counts == {"retain": 7_731, "forget": 3_313, "validation": 1_227, "unseen": 3_068}


def test_the_person_protocol_has_no_leak(faces: store.Store) -> None:
    split = splits.make(faces.table, faces.info["classes"], task="emotion", settings=SplitSettings(), seed=0)
    assert split.table[split.table["subset"] != "excluded"].groupby("unit")["subset"].nunique().max() <= 1 or (
        split.table.groupby("unit")["subset"].agg(lambda found: len(set(found) - {"test", "unseen", "excluded"})).max()
        <= 1
    )
