"""A folder with a manifest: what each column means, units without persons, and every way in which it can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_data import draw

from pipeline.data import checks, raw, splits, store
from pipeline.data.sources import read
from pipeline.errors import DataError
from pipeline.settings import DataSettings, SplitSettings, ValidateSettings

GOOD = "path,person,gender\na.jpg,ann,female\nb/c.png,bob,male\n"


def write(root: Path, text: str = GOOD, names: tuple[str, ...] = ("a.jpg", "b/c.png")) -> Path:
    for number, name in enumerate(names):
        draw(root / name, number)
    (root / "manifest.csv").write_text(text, encoding="utf-8")
    return root


def test_what_a_company_brings(tmp_path: Path) -> None:
    write(tmp_path, "path, person ,subset,gender,age,note\n./a.jpg,ann,retain, male ,1,x\nb/c.png,,,female,0,\n")
    data = read(tmp_path)
    assert data.name == "folder"
    assert data.classes == {"age": ["0", "1"], "gender": ["female", "male"]}
    assert data.table["source"].tolist() == ["a.jpg", "b/c.png"]
    assert data.table["person"].tolist() == ["ann", "b/c.png"]  # whoever is not named is a unit of its own
    assert data.table["published_subset"].tolist() == ["retain", ""]
    assert data.table["gender"].tolist() == [1, 0]
    assert data.table["age"].tolist() == [1, 0]
    assert (data.table[["emotion", "young", "smiling"]] == -1).all(axis=None)
    assert data.image(1).shape == (8, 8, 3)


def test_long_keys_of_persons_stay_apart_beside_a_gap(tmp_path: Path) -> None:
    """Keys of 64 bits, as many systems give them, do not fit into a float64."""
    names = ("a.jpg", "b.jpg", "c.jpg")
    (write(tmp_path, names=names) / "manifest.csv").unlink()
    rows = pd.DataFrame({"path": names, "person": pd.array([2**60, 2**60 + 1, None], "Int64"), "age": [0, 1, 0]})
    rows.to_parquet(tmp_path / "manifest.parquet")
    assert read(tmp_path).table["person"].tolist() == [str(2**60), str(2**60 + 1), "c.jpg"]


def test_a_person_who_is_the_index_of_a_parquet_file_is_read(tmp_path: Path) -> None:
    names = ("a.jpg", "b.jpg", "c.jpg")
    (write(tmp_path, names=names) / "manifest.csv").unlink()
    rows = pd.DataFrame({"path": names, "person": ["ann", "ann", "bob"], "age": [0, 1, 0]})
    rows.set_index("person").to_parquet(tmp_path / "manifest.parquet")
    assert read(tmp_path).table["person"].tolist() == ["ann", "ann", "bob"]


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    names = tuple(f"{number}.jpg" for number in range(4))
    rows = pd.DataFrame(
        {"path": names, "person": [7, 7, 8, 9], "age": [1, 0, 2, None], "young": [True, False, True, True]}
    )
    text = "path,person,age,young\n0.jpg,7,1,1\n1.jpg,7,0,0\n2.jpg,8,2,1\n3.jpg,9,,1\n"
    by_csv = read(write(tmp_path / "csv", text, names))
    (write(tmp_path / "parquet", names=names) / "manifest.csv").unlink()
    rows.to_parquet(tmp_path / "parquet" / "manifest.parquet")
    by_parquet = read(tmp_path / "parquet")
    assert by_parquet.classes == by_csv.classes == {"age": ["0", "1", "2"], "young": ["0", "1"]}
    pd.testing.assert_frame_equal(by_parquet.table, by_csv.table)
    assert by_csv.table["age"].tolist() == [1, 0, 2, -1]


def test_names_are_ordered_with_numbers_by_size(tmp_path: Path) -> None:
    names = tuple(f"{number}.jpg" for number in range(5))
    cells = ["67+", "7-12", "", "13-19", "-1"]
    text = "path,age\n" + "".join(f"{name},{cell}\n" for name, cell in zip(names, cells, strict=True))
    data = read(write(tmp_path, text, names))
    assert data.classes == {"age": ["7-12", "13-19", "67+"]}
    assert data.table["age"].tolist() == [2, 0, -1, 1, -1]


def test_any_text_can_name_a_class(tmp_path: Path) -> None:
    assert read(write(tmp_path, "path,age\na.jpg,m²\nb/c.png,²\n")).classes == {"age": ["m²", "²"]}


@pytest.mark.parametrize("other", ["dataset.yaml", "custom_train_dataset.csv", "list_patition_label.txt"])
def test_a_manifest_counts_whatever_else_lies_beside_it(tmp_path: Path, other: str) -> None:
    (write(tmp_path) / other).write_text("names: [face]\n")
    assert read(tmp_path).name == "folder"


def test_a_manifest_counts_whatever_the_pictures_are_called(tmp_path: Path) -> None:
    names = ("30_0_1_20170109150557335.jpg", "train/1/a.jpg", "test/1/b.jpg")
    text = "path,smiling\n" + "".join(f"{name},{number % 2}\n" for number, name in enumerate(names))
    write(tmp_path / "data" / "inner", text, names)
    found = raw.find(tmp_path / "data")
    assert found == tmp_path / "data" / "inner"
    assert read(found).name == "folder"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,person\na.jpg,ann\n", r"no label column: add at least one of age, emotion.*it has path, person"),
        ("file,age\na.jpg,0\n", r"lacks the column path \(separated by commas\); it has file, age"),
        ("path;age\na.jpg;0\n", r"lacks the column path \(separated by commas\)"),
        ("path,age\n", "has no rows"),
        ("path,age\na.jpg,0,\nb/c.png,1,\n", "rows with more cells than its first line"),
        ("", "cannot be read as CSV"),
        ("path,age\na.jpg,\nb/c.png,-1\n", "no label in any of age"),
        ("path,age\n,0\nb/c.png,1\n", r"1 row\(s\) without a path: row 1"),
        ("path,age\n../a.jpg,0\nb/c.png,1\n", r"1 path\(s\) that lead outside the folder: \.\./a\.jpg"),
        ("path,age\nb/../../a.jpg,0\nb/c.png,1\n", r"1 path\(s\) that lead outside"),
        ("path,age\n/etc/passwd,0\nb/c.png,1\n", r"1 path\(s\) that lead outside the folder: /etc/passwd"),
        ("path,age,age\na.jpg,0,1\nb/c.png,1,0\n", r"has the column\(s\) age more than once"),
        ("path,age\na.jpg,0\nb/../a.jpg,1\n", r"1 picture\(s\) listed more than once: a\.jpg"),
        ("path,age\na.jpg,0\ngone.jpg,1\n", r"1 picture\(s\) not in the folder: gone\.jpg"),
        ("path,age\na.JPG,0\nb/c.png,1\n", r"a\.JPG \(there is a\.jpg\)"),
        ("path,age,subset\na.jpg,0,train\nb/c.png,1,test\n", r"1 row\(s\) with a subset other than .*: train"),
        ("path,age\na.jpg,1985\nb/c.png,1990\n", "class numbers that do not run from 0 without a gap: 1985, 1990"),
        ("path,age\na.jpg,-2\nb/c.png,0\n", "class numbers that do not run from 0"),
        ("path,gender\na.jpg,1\nb/c.png,female\n", "column gender mixes numbers and names: 1, female"),
        ("path,gender\na.jpg,male\nb/c.png,male\n", "column gender knows one class only: male"),
    ],
)
def test_what_is_wrong_is_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, text))


def test_all_problems_come_in_one_message(tmp_path: Path) -> None:
    write(tmp_path, "path,age,subset\n../a.jpg,0,train\nb/c.png,7,\ngone.jpg,1,\n")
    with pytest.raises(DataError, match="4 problem"):
        read(tmp_path)


def test_two_manifests_and_a_broken_one(tmp_path: Path) -> None:
    (write(tmp_path) / "manifest.parquet").write_bytes(b"half")
    with pytest.raises(DataError, match="both there: remove one"):
        read(tmp_path)
    (tmp_path / "manifest.csv").unlink()
    with pytest.raises(DataError, match=r"manifest\.parquet cannot be read as Parquet"):
        read(tmp_path)


@pytest.fixture
def without_persons(tmp_path: Path) -> store.Store:
    """60 pictures, of which 0, 1 and 2 are one, and 3 and 4 are one with two labels."""
    names = tuple(f"{number:02d}.png" for number in range(60))
    smiling = np.random.default_rng(0).integers(0, 2, 60)
    smiling[:5] = [0, 0, 0, 0, 1]
    text = "path,smiling\n" + "".join(f"{name},{label}\n" for name, label in zip(names, smiling, strict=True))
    root = write(tmp_path / "raw", text, names)
    for copy, of in ((1, 0), (2, 0), (4, 3)):
        draw(root / names[copy], seed=of)
    return store.build(read(root), tmp_path / "faces", DataSettings(image_size=16))


@pytest.mark.parametrize("duplicates", ["drop", "keep"])
def test_without_persons_the_unit_is_the_content(without_persons: store.Store, tmp_path: Path, duplicates: str) -> None:
    faces, classes = without_persons.table, without_persons.info["classes"]
    chosen = SplitSettings(duplicates=duplicates)  # type: ignore[arg-type]
    split = splits.make(faces, classes, task="smiling", settings=chosen, seed=0)
    table = split.table
    assert (
        table.groupby("unit")["image"].agg(tuple) == faces.groupby("content")["image"].agg(tuple).sort_values().values
    ).all()
    assert table["unit"].tolist()[:5] == ["00.png"] * 3 + ["03.png"] * 2
    assert table["reason"].tolist()[3:5] == ["identical pictures with different labels"] * 2
    assert splits.WITHOUT_PERSONS in split.summary["notes"]
    lenient = ValidateSettings(min_images_per_class=1, min_images_per_subset=1, max_label_shift=0.5)
    outcome = checks.check(
        table, faces, classes["smiling"], protocol="person", settings=lenient, docs=tmp_path / "docs"
    )
    assert [outcome.errors, outcome.warnings] == [[], []]


def test_one_picture_can_be_forgotten_by_its_path(without_persons: store.Store) -> None:
    chosen = SplitSettings(forget_persons=["07.png"])
    split = splits.make(without_persons.table, without_persons.info["classes"], task="smiling", settings=chosen, seed=0)
    assert split.table["image"][split.table["subset"] == "forget"].tolist() == [7]


def test_a_task_without_labels_is_one_clear_error(without_persons: store.Store) -> None:
    with pytest.raises(DataError) as caught:
        splits.make(
            without_persons.table, without_persons.info["classes"], task="age", settings=SplitSettings(), seed=0
        )
    assert str(caught.value) == "the data has no labels for task 'age'; set `task:` to one of: smiling"
