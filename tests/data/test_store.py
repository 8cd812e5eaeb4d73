"""The store: what is in it, what happens to corrupt pictures, and that damage is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_data import write_mufac, write_rafdb

from pipeline.data import store
from pipeline.data.sources import RawDataset, read
from pipeline.errors import DataError
from pipeline.settings import DataSettings

SETTINGS = DataSettings(image_size=16)


def spoil(root: Path, count: int) -> list[Path]:
    paths = sorted((root / "train_images").iterdir())[:count]
    for path in paths:
        path.write_bytes(b"no picture")
    return paths


def test_a_store_is_what_was_read(tmp_path: Path, mufac_root: Path) -> None:
    raw = read(mufac_root)
    built = store.build(raw, tmp_path / "faces", SETTINGS)
    opened = store.open(tmp_path / "faces")
    for faces in (built, opened):
        assert faces.images.shape == (36, 16, 16, 3)
        assert list(faces.table.columns) == list(store.COLUMNS)
        assert faces.table["image"].tolist() == list(range(36))
        assert faces.table["source"].tolist() == raw.table["source"].tolist()
    assert opened.info["name"] == "mufac"
    assert opened.info["images"] == 36
    assert (opened.info["identities"], opened.info["persons"]) == (True, 12)
    assert opened.info["image_size"] == 16
    assert opened.info["skipped_corrupt"] == 0
    assert sum(opened.info["labels"]["age"].values()) == 36
    assert {path.name for path in (tmp_path / "faces").iterdir()} == {"images.npy", "table.parquet", "dataset.json"}


def test_a_store_tells_that_nobody_knows_who_is_on_its_pictures(tmp_path: Path) -> None:
    """Each then counts as a person of its own, as where everybody is on one picture: only the store can tell."""
    for name, write in (("unknown", write_rafdb), ("alone", write_mufac)):
        raw = read(write(tmp_path / name))
        alone = raw.table.drop_duplicates("person").reset_index(drop=True)
        info = store.build(replace(raw, table=alone), tmp_path / f"{name} faces", SETTINGS).info
        assert info["persons"] == info["images"]
        assert info["identities"] == (name == "alone")


def test_the_same_data_gives_the_same_bytes(tmp_path: Path, mufac_root: Path) -> None:
    for name in ("a", "b"):
        store.build(read(mufac_root), tmp_path / name, SETTINGS)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_content_is_that_of_the_pixels_not_of_the_file(tmp_path: Path, mufac_root: Path) -> None:
    first, second = sorted((mufac_root / "train_images").iterdir())[:2]
    with Image.open(first) as picture:  # same pixels, other bytes, and a file name that lies about the format
        picture.convert("RGB").save(second, format="PNG")
    content = store.build(read(mufac_root), tmp_path / "faces", SETTINGS).table["content"]
    assert content[0] == content[1]
    assert content.nunique() == 35
    assert content.str.fullmatch("[0-9a-f]{64}").all()


def test_content_tells_shapes_apart() -> None:
    pixels = np.zeros((2, 6, 3), dtype=np.uint8)
    assert store.content_hash(pixels) != store.content_hash(pixels.reshape(6, 2, 3))
    assert store.content_hash(pixels) == store.content_hash(np.asfortranarray(pixels))


def test_pictures_that_differ_only_before_resizing_have_other_contents(tmp_path: Path) -> None:
    def image(row: int) -> np.ndarray:
        picture = np.zeros((16, 20, 3), dtype=np.uint8)
        picture[:, 0] = row  # cropped away
        return picture

    table = pd.DataFrame({"person": ["a", "b"], "source": ["0", "1"], "published_subset": ["", ""], "age": [0, 0]})
    faces = store.build(RawDataset("toy", {"age": ["x"]}, table, image), tmp_path / "faces", SETTINGS)
    assert (faces.images[0] == faces.images[1]).all()
    assert faces.table["content"].nunique() == 2
    assert faces.table["gender"].tolist() == [-1, -1]


def test_corrupt_pictures_stop_the_run_and_are_counted(tmp_path: Path, mufac_root: Path) -> None:
    spoiled = spoil(mufac_root, 7)
    with pytest.raises(DataError, match="7 of 36 pictures cannot be read") as caught:
        store.build(read(mufac_root), tmp_path / "faces", SETTINGS)
    told = str(caught.value)
    assert sum(path.name in told for path in spoiled) == store.SHOWN
    assert "and 2 more" in told
    assert "data.on_corrupt: skip" in told
    assert not (tmp_path / "faces").exists()
    assert not list(tmp_path.glob(".faces*"))


def test_corrupt_pictures_can_be_left_out(tmp_path: Path, mufac_root: Path) -> None:
    whole = store.build(read(mufac_root), tmp_path / "whole", SETTINGS)
    spoil(mufac_root, 7)
    faces = store.build(read(mufac_root), tmp_path / "faces", DataSettings(image_size=16, on_corrupt="skip"))
    assert faces.info["skipped_corrupt"] == 7
    assert faces.table["image"].tolist() == list(range(29))
    kept = whole.table["source"].isin(faces.table["source"]).to_numpy()
    assert (faces.images == whole.images[kept]).all()
    assert faces.table["content"].tolist() == whole.table["content"][kept].tolist()


def test_nothing_but_corrupt_pictures_is_an_error_either_way(tmp_path: Path, mufac_root: Path) -> None:
    for picture in mufac_root.glob("*_images/*"):
        picture.write_bytes(b"")
    with pytest.raises(DataError, match="none of the 36"):
        store.build(read(mufac_root), tmp_path / "faces", DataSettings(image_size=16, on_corrupt="skip"))


def test_a_failed_build_leaves_the_old_store(tmp_path: Path, mufac_root: Path) -> None:
    store.build(read(mufac_root), tmp_path / "faces", SETTINGS)
    spoil(mufac_root, 1)
    with pytest.raises(DataError):
        store.build(read(mufac_root), tmp_path / "faces", SETTINGS)
    assert len(store.open(tmp_path / "faces").table) == 36


def test_a_memory_map_is_writable_without_changing_the_file(tmp_path: Path, mufac_root: Path) -> None:
    faces = store.build(read(mufac_root), tmp_path / "faces", SETTINGS)
    before = (tmp_path / "faces" / "images.npy").read_bytes()
    faces.images[0] = 0
    assert (tmp_path / "faces" / "images.npy").read_bytes() == before


@pytest.mark.parametrize("name", ["images.npy", "table.parquet", "dataset.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_damage_is_named_with_its_remedy(tmp_path: Path, mufac_root: Path, name: str, damage: str) -> None:
    store.build(read(mufac_root), tmp_path / "faces", SETTINGS)
    path = tmp_path / "faces" / name
    raw = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(b"" if damage == "empty" else raw[: len(raw) // 2])
    with pytest.raises(DataError, match=rf"{name}.*dvc repro"):
        store.open(tmp_path / "faces")


def test_files_that_do_not_fit_each_other_are_refused(tmp_path: Path, mufac_root: Path) -> None:
    store.build(read(mufac_root), tmp_path / "faces", SETTINGS)
    info = tmp_path / "faces" / "dataset.json"
    info.write_text(json.dumps({**json.loads(info.read_text()), "image_size": 32}))
    with pytest.raises(DataError, match=r"images\.npy does not fit"):
        store.open(tmp_path / "faces")


def test_a_partial_store_of_a_killed_run_is_no_obstacle(tmp_path: Path, mufac_root: Path) -> None:
    (tmp_path / ".faces.partial").mkdir()
    (tmp_path / ".faces.partial" / "images.npy").write_bytes(b"half")
    store.build(read(mufac_root), tmp_path / "faces", SETTINGS)
    assert not (tmp_path / ".faces.partial").exists()


def test_the_erased_are_kept_out_by_person_and_by_picture(tmp_path: Path, mufac_root: Path) -> None:
    raw = read(mufac_root)
    before = store.build(raw, tmp_path / "before", DataSettings(image_size=16))
    copied = before.table["content"][before.table["person"] == "F0001/D"].iloc[0]
    gone = {("person", "F0000/D"), ("picture", copied)}
    after = store.build(raw, tmp_path / "after", DataSettings(image_size=16), lambda kind, what: (kind, what) in gone)
    stayed = (before.table["person"] != "F0000/D") & (before.table["content"] != copied)
    assert after.table["source"].tolist() == before.table["source"][stayed].tolist()
    assert after.table["image"].tolist() == list(range(len(after.table)))
    assert (after.images == before.images[stayed.to_numpy()]).all()
    with pytest.raises(DataError, match="everybody in this data has been erased"):
        store.build(raw, tmp_path / "none", DataSettings(image_size=16), lambda kind, what: kind == "person")
