"""Rows of the erased go from whatever table names their pictures, and a row that must stay names nobody."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tiny_data import draw

from pipeline import pseudonyms
from pipeline.data import removal, sources
from pipeline.data.removal_tables import STAND_IN
from pipeline.erasure import tombstones
from pipeline.erasure.scan import scan

pytestmark = pytest.mark.usefixtures("checkout")


def write(root: Path, manifest: str, *names: str) -> Path:
    for number, name in enumerate(names):
        draw(root / name, number)
    (root / "manifest.csv").write_text(manifest)
    return root


def is_ann(person: str) -> bool:
    return person == "ann"


def traces_left(root: Path) -> list[str]:
    tombstones.add(tombstones.Traces(persons=frozenset(["ann"])).digests(pseudonyms.load()))
    return scan([root], tombstones.seal()).found


@pytest.mark.parametrize(
    ("manifest", "name"),
    [
        ("path,person,age\nann lee/1.png,ann,0\nb.png,bob,1\nc.png,cat,0\n", "ann lee/1.png"),
        ("path,person,age\no'neil.png,ann,0\nb.png,bob,1\nc.png,cat,0\n", "o'neil.png"),
        ("path,person,age\n./a.png,ann,0\n b.png ,bob,1\nc.png,cat,0\n", "a.png"),
        ("path,person,age,note\na.png,ann,0,\nb.png,bob,1,see a.png\nc.png,cat,0,\n", "a.png"),
        ('path,person,age,note\na.png,ann,0,"two\nlines"\nb.png,bob,1,\nc.png,cat,0,\n', "a.png"),
        ('path,person,age\r\n"a,1.png",ann,0\r\nb.png,bob,1\r\nc.png,cat,0\r\n', "a,1.png"),
    ],
)
def test_a_row_goes_whatever_its_path_looks_like(tmp_path: Path, manifest: str, name: str) -> None:
    root = write(tmp_path / "raw", manifest, name, "b.png", "c.png")
    assert removal.remove(root, is_ann) is False, "no black picture is needed"
    assert sources.read(root).table["person"].tolist() == ["bob", "cat"]
    assert not (root / name).exists()
    assert "ann" not in (root / "manifest.csv").read_text()
    assert traces_left(root) == []


@pytest.mark.parametrize("index", [None, "person", "path"])
def test_rows_of_parquet_go_and_the_index_stays_what_it_was(tmp_path: Path, index: str | None) -> None:
    root = write(tmp_path / "raw", "", "a 1.png", "b.png", "c.png")
    (root / "manifest.csv").unlink()
    rows = pd.DataFrame({"path": ["a 1.png", "./b.png", "c.png"], "person": ["ann", "bob", "cat"], "age": [0, 1, 0]})
    (rows.set_index(index) if index else rows).to_parquet(root / "manifest.parquet")
    assert removal.remove(root, is_ann) is False
    left = pd.read_parquet(root / "manifest.parquet")
    assert left.index.name == index
    assert sources.read(root).table["person"].tolist() == ["bob", "cat"]
    assert traces_left(root) == []


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_last_picture_of_a_class_is_black_and_of_nobody(tmp_path: Path, kind: str) -> None:
    manifest = "path,person,age\na.png,ann,old\nb.png,bob,young\nc.png,cat,middle\nd.png,dan,young\n"
    root = write(tmp_path / "raw", manifest, "a.png", "b.png", "c.png", "d.png")
    if kind == "parquet":
        pd.read_csv(root / "manifest.csv").to_parquet(root / "manifest.parquet")
        (root / "manifest.csv").unlink()
    assert removal.remove(root, is_ann) is True
    data = sources.read(root)
    assert data.classes == {"age": ["middle", "old", "young"]}
    assert data.table["person"].tolist() == [STAND_IN, "bob", "cat", "dan"]
    assert data.image(0).max() == 0
    assert traces_left(root) == []

    def gone(person: str) -> bool:
        return person in ("ann", "cat", STAND_IN)

    assert removal.find(root, tmp_path, gone).paths == ["c.png"], "what stands in is no picture of the erased"
    assert removal.remove(root, gone) is True, "the next erasing"
    assert sources.read(root).table["person"].tolist() == [STAND_IN, "bob", STAND_IN, "dan"]
    assert traces_left(root) == []


def test_who_is_not_known_stays_unknown_beside_a_stand_in(tmp_path: Path) -> None:
    root = write(tmp_path / "raw", "", "a.png", "b.png", "c.png")
    (root / "manifest.csv").unlink()
    rows = {"path": ["a.png", "b.png", "c.png"], "person": [7, None, 8], "age": ["old", "young", "middle"]}
    pd.DataFrame(rows).to_parquet(root / "manifest.parquet")
    assert removal.remove(root, lambda person: person == "7") is True
    assert sources.read(root).table["person"].tolist() == [STAND_IN, "b.png", "8"]
