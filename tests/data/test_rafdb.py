"""The RAF-DB source: both layouts, the published split, and every way in which the files can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from tiny_data import draw, write_rafdb, write_rafdb_list

from pipeline.data.sources import RawDataset, rafdb, read
from pipeline.errors import DataError


def by_name(raw: RawDataset) -> pd.DataFrame:
    """Label and subset of each picture, whatever folder it is in."""
    name = raw.table["source"].str.rpartition("/")[2]
    return raw.table.set_index(name)[["emotion", "published_subset"]].sort_index()


def test_the_folders(tmp_path: Path) -> None:
    raw = read(write_rafdb(tmp_path))
    assert raw.name == "rafdb"
    names = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
    assert raw.classes == {"emotion": names}
    folder = raw.table["source"].str.split("/").str[1].astype(int)
    assert raw.table["emotion"].tolist() == (folder - 1).tolist()
    assert raw.table["person"].is_unique  # no identities: a unit a picture
    assert raw.table["source"].is_unique
    test = raw.table["source"].str.startswith("test/")
    assert (raw.table["published_subset"] == "unseen").tolist() == test.tolist()
    assert raw.image(0).shape == (8, 8, 3)


@pytest.mark.parametrize("name", ["EmoLabel/list_patition_label.txt", "list_partition_label.txt"])
def test_the_list_says_the_same_as_the_folders(tmp_path: Path, name: str) -> None:
    folders, listed = read(write_rafdb(tmp_path / "a")), read(write_rafdb_list(tmp_path / "b", name))
    assert listed.name == "rafdb"
    assert listed.table["source"].str.startswith("Image/aligned/").all()
    pd.testing.assert_frame_equal(by_name(folders), by_name(listed))


def test_pictures_may_lie_beside_the_list(tmp_path: Path) -> None:
    root = write_rafdb_list(tmp_path, "list_patition_label.txt")
    for picture in (root / "Image" / "aligned").iterdir():
        picture.rename(root / picture.name.replace("_aligned", ""))
    assert read(root).table["source"].str.fullmatch(r"(train|test)_\d{5}\.jpg").all()


def test_the_published_shares(tmp_path: Path) -> None:
    counts = read(write_rafdb(tmp_path, train=20)).table["published_subset"].value_counts()
    assert counts.to_dict() == {"forget": 37, "retain": 89, "validation": 14, "unseen": 7}  # 140 · .9 = 126, · .3 = 37


def test_the_draw_mixes_emotions_and_does_not_depend_on_other_pictures(tmp_path: Path) -> None:
    few, many = (
        by_name(read(write_rafdb(tmp_path / "a", train=20))),
        by_name(read(write_rafdb(tmp_path / "b", train=21))),
    )
    assert few.loc[few["published_subset"] == "forget", "emotion"].nunique() == 7
    changed = few["published_subset"] != many.loc[few.index, "published_subset"]
    assert changed.mean() < 0.1  # only those next to a cut


FIRST = "train_00002.jpg 3"  # a line of the list


def spoil_list(change: Callable[[str], str]) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        path = write_rafdb_list(root) / "EmoLabel" / "list_patition_label.txt"
        path.write_text(change(path.read_text()))

    return spoil


def spoil_folders(change: Callable[[Path], object]) -> Callable[[Path], None]:
    return lambda root: (change(write_rafdb(root)), None)[1]


def empty_folder(root: Path) -> None:
    for picture in (root / "train" / "3").iterdir():
        picture.unlink()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (spoil_folders(lambda r: (r / "test").rename(r / "val")), "test not found"),
        (spoil_folders(lambda r: draw(r / "train" / "8" / "a.jpg")), r"train/: 1 folder\(s\) that are no emotion.*: 8"),
        (spoil_folders(empty_folder), r"train/: 1 emotion\(s\) without pictures: 3"),
        (spoil_list(lambda t: t.replace(FIRST, FIRST[:-1] + "9")), "other than 1 to 7: train_00002.jpg 9"),
        (spoil_list(lambda t: t.replace(FIRST, "val_2.jpg 3")), r"1 line\(s\) with a name other than train_"),
        (spoil_list(lambda t: t.replace(FIRST, FIRST[:-2])), r"1 line\(s\) without exactly 2 words.*: line 14"),
        (spoil_list(lambda t: t.replace(FIRST[:-6], "train_00001")), r"1 name\(s\) listed more than once: train_00001"),
        (spoil_list(lambda t: t + "train_00002_aligned.jpg 3\n"), r"1 picture\(s\) listed twice: .*/train_00002_al"),
        (spoil_list(lambda t: t + "train_99999.jpg 1\n"), r"1 picture\(s\) not in .*train_99999.*aligned\.zip"),
        (spoil_list(lambda t: t[t.index("train") :]), "lists no picture of test"),
        (spoil_list(lambda _: ""), r"list_patition_label\.txt is empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_explained(tmp_path: Path, write: Callable[[Path], None], message: str) -> None:
    write(tmp_path)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_all_problems_come_in_one_message(tmp_path: Path) -> None:
    draw(write_rafdb(tmp_path) / "train" / "0" / "a.jpg")
    empty_folder(tmp_path)
    with pytest.raises(DataError, match="2 problem"):
        read(tmp_path)


def test_a_binary_list_is_explained(tmp_path: Path) -> None:
    (tmp_path / "list_patition_label.txt").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(DataError, match="cannot be read as text"):
        read(tmp_path)


def test_other_folders_are_not_recognised(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "happy" / "a.jpg")
    assert not rafdb.recognises(tmp_path)
