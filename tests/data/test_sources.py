"""RAF-DB, CelebA-HQ, UTKFace and a folder with a manifest: how each is recognised, read and refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.data import groups, splits, store
from pipeline.data.sources import TASKS, RawDataset, celeba, read
from pipeline.data.sources.common import canonical
from pipeline.errors import DataError
from pipeline.settings import DataSettings, SplitSettings


def picture(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 18, 3), np.uint8)).save(path)


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as refused:
        read(root)
    return str(refused.value)


# RAF-DB ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def rafdb_folders(tmp_path: Path) -> Path:
    for part, count in (("train", 10), ("test", 2)):
        for label in range(1, 8):
            for number in range(count):
                picture(
                    tmp_path / part / str(label) / f"{part}_{label}{number}.jpg",
                    seed=1000 * len(part) + 100 * label + number,
                )
    return tmp_path


@pytest.fixture
def rafdb_list(tmp_path: Path) -> Path:
    lines = []
    for number, (part, label) in enumerate([("train", 5), ("train", 1), ("test", 7)]):
        picture(tmp_path / "Image/aligned" / f"{part}_{number}_aligned.jpg", seed=number)
        lines.append(f"{part}_{number}.jpg {label}")
    (tmp_path / "EmoLabel").mkdir()
    (tmp_path / "EmoLabel/list_patition_label.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_rafdb_from_folders(rafdb_folders: Path) -> None:
    raw = read(rafdb_folders)
    assert raw.name == "rafdb"
    assert raw.classes["emotion"][3] == "happiness"
    assert raw.table["published_subset"].value_counts().to_dict() == {
        "unseen": 14,
        "validation": 7,
        "forget": 19,
        "retain": 44,
    }
    unseen = raw.table["published_subset"] == "unseen"
    assert raw.table["source"].str.startswith("test/").equals(unseen)
    label = raw.table["source"].str.split("/").str[1].astype(int) - 1
    assert raw.table["emotion"].equals(label.rename("emotion"))
    assert raw.table["person"].is_unique, "no identities"
    assert raw.image(0).shape == (20, 18, 3)


def test_rafdb_from_the_official_list(rafdb_list: Path) -> None:
    raw = read(rafdb_list)
    rows = raw.table.set_index("source")["emotion"].to_dict()
    assert rows == {
        f"Image/aligned/{name}_aligned.jpg": n for name, n in (("train_0", 4), ("train_1", 0), ("test_2", 6))
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train_9.jpg 8", "1 line(s) other than `train_00001.jpg 5` with 1 to 7: line 4"),
        ("other_9.jpg 1", "line 4"),
        ("train_9.jpg 1", "1 picture(s) of list_patition_label.txt not in Image/aligned/ or beside it: train_9.jpg"),
        ("train_0.jpg 1", "1 picture(s) listed more than once: train_0.jpg"),
    ],
)
def test_rafdb_list_that_is_wrong(rafdb_list: Path, line: str, words: str) -> None:
    with (rafdb_list / "EmoLabel/list_patition_label.txt").open("a") as file:
        file.write(line + "\n")
    assert words in refusal(rafdb_list)


def test_rafdb_folders_that_are_wrong(rafdb_folders: Path) -> None:
    (rafdb_folders / "train/7").rename(rafdb_folders / "train/8")
    told = refusal(rafdb_folders)
    assert "train/ has folders other than 1 to 7: 8" in told
    assert "train/ lacks the folder(s) 7" in told


# CelebA-HQ ------------------------------------------------------------------------------------------------------

PICTURES, PERSONS = 12, ["7", "3", "7", "9", "3", "1", "1", "2", "7", "4", "4", "5"]


@pytest.fixture
def celeba_root(tmp_path: Path) -> Path:
    for index in range(PICTURES):
        picture(tmp_path / "CelebAMask-HQ/CelebA-HQ-img" / f"{index}.jpg", seed=index)
    names = ["Smiling", "Male", "Bald", "Young"]
    rows = [f"{i}.jpg  {1 if i % 2 else -1} {1 if i % 3 else -1} -1 1" for i in range(PICTURES)]
    (tmp_path / "CelebAMask-HQ" / celeba.ATTRIBUTES).write_text("\n".join([str(PICTURES), " ".join(names), *rows]))
    lines = [f"{i} {900 - i} {900 - i:06d}.jpg" for i in range(PICTURES)]
    (tmp_path / celeba.MAPPING).write_text("\n".join(["idx orig_idx orig_file", *lines]))
    known = [f"{900 - i:06d}.jpg {PERSONS[i]}" for i in range(PICTURES)]
    (tmp_path / celeba.IDENTITY).write_text("\n".join(["000001.jpg 77", *known]))  # more rows than pictures
    return tmp_path


def test_celeba(celeba_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celeba, "BOUNDS", (1, 3, 5))
    raw = read(celeba_root)
    table = raw.table
    assert raw.name == "celeba"
    assert table["source"].tolist() == [f"CelebAMask-HQ/CelebA-HQ-img/{i}.jpg" for i in range(12)], "numeric order"
    assert table["person"].tolist() == [f"id{person}" for person in PERSONS]
    assert table["gender"].tolist() == [int(i % 3 != 0) for i in range(12)]
    assert table["smiling"].tolist() == [i % 2 for i in range(12)]
    assert (table["young"] == 1).all()
    by_person = dict(zip(PERSONS, table["published_subset"], strict=True))
    assert by_person == {
        "7": "test", "3": "forget", "9": "forget", "1": "retain", "2": "retain", "4": "unseen", "5": "unseen"
    }  # fmt: skip


def test_the_benchmark_counts_identities_by_first_appearance() -> None:
    identities = np.array([f"p{number}" for number in range(5000)])[::-1]
    subsets = pd.Series(celeba.published(np.concatenate([identities, identities])))
    assert subsets[:5000].value_counts().to_dict() == {"test": 190, "forget": 1060, "retain": 3605, "unseen": 145}
    assert (subsets[:5000].to_numpy() == subsets[5000:].to_numpy()).all(), "an identity stays on its side"
    assert subsets[189] == "test" != subsets[190] == "forget" == subsets[1249] != subsets[1250] == subsets[4854]
    assert subsets[4855] == "unseen"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: (root / celeba.IDENTITY).unlink(), "identity_CelebA.txt not found"),
        (lambda root: (root / celeba.IDENTITY).write_text("000900.jpg 1\n"), "11 picture(s) without a row in"),
        (lambda root: (root / celeba.MAPPING).write_text("0 1\n"), "line(s) without 3 values: 0 1"),
        (lambda root: replace_in(root, "Smiling", "Laughing"), "lacks the column(s) Smiling"),
        (lambda root: replace_in(root, "\n3.jpg  1", "\n3.jpg  7"), "value(s) other than 1 and -1: 7"),
        (lambda root: replace_in(root, "\n3.jpg  1", "\n3.jpg"), "line(s) that are no `0.jpg` with 4 values: line 6"),
    ],
)
def test_celeba_that_is_wrong(celeba_root: Path, spoil: Callable[[Path], object], words: str) -> None:
    spoil(celeba_root)
    assert words in refusal(celeba_root)


def replace_in(root: Path, old: str, new: str) -> None:
    path = root / "CelebAMask-HQ" / celeba.ATTRIBUTES
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_benchmark_without_validation_gets_one_from_retain() -> None:
    """Persons of the retain set, and nobody else, so that models can be chosen without the unseen set."""
    persons = [f"p{number:02d}" for number in range(40) for _ in range(5)]
    subset = np.repeat(["forget"] * 8 + ["retain"] * 24 + ["unseen"] * 8, 5)
    table = canonical(
        {"source": [f"{n}.jpg" for n in range(200)], "person": persons, "published_subset": subset, "age": 0}
    )
    table = table.assign(image=np.arange(200), content=[f"c{n}" for n in range(200)])
    settings = SplitSettings(protocol="published", validation_fraction=0.2)
    split = splits.make(table, {"age": ["a", "b"]}, task="age", settings=settings, seed=0)
    chosen = split.table[split.table["subset"] == "validation"]
    assert len(chosen) == 40
    assert set(subset[chosen["image"]]) == {"retain"}
    assert split.table.groupby("person")["subset"].nunique().max() == 1
    untouched = ~split.table["image"].isin(chosen["image"])
    assert (split.table["subset"][untouched].to_numpy() == subset[untouched]).all()
    assert any("no validation subset" in note for note in split.summary["notes"])


# UTKFace --------------------------------------------------------------------------------------------------------

NAMES = {
    "1_0_2_20161219140530307.jpg.chip.jpg": (0, 1),
    "part1/26_1_0_20170104023102422.jpg": (3, 0),
    "part1/116_1_3_20170120134744096.jpg": (7, 0),
    "part2/61_1_20170109150557335.jpg.chip.jpg": (6, 0),  # as in the real set, without race
}


def test_utkface(tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        picture(tmp_path / name, seed)
    raw = read(tmp_path)
    rows = raw.table.set_index("source")
    assert raw.name == "utkface"
    assert {name: (rows.loc[name, "age"], rows.loc[name, "gender"]) for name in NAMES} == NAMES
    assert raw.classes["gender"][1] == "male"
    assert raw.classes["age"][3] == "20-29"


def test_utkface_name_that_tells_nothing(tmp_path: Path) -> None:
    picture(tmp_path / "1_0_2_20161219140530307.jpg")
    picture(tmp_path / "holiday.jpg")
    picture(tmp_path / "26_3_0_20170104023102422.jpg")
    assert "2 picture(s) whose name is not [age]" in refusal(tmp_path)
    assert "holiday.jpg" in refusal(tmp_path)


# a folder with a manifest ---------------------------------------------------------------------------------------


@pytest.fixture
def company(tmp_path: Path) -> Path:
    for number in range(6):
        picture(tmp_path / "staff" / f"{number}.png", seed=number)
    return tmp_path


def manifest(root: Path, **columns: object) -> Path:
    rows = pd.DataFrame({"path": [f"staff/{number}.png" for number in range(6)], **columns})
    rows.to_csv(root / "manifest.csv", index=False)
    return root


def test_a_manifest(company: Path) -> None:
    person = ["ann", "ann", "bob", "bob", "cy", "cy"]
    emotion = ["happy", "sad", "", "angry", "sad", "happy"]
    raw = read(manifest(company, person=person, emotion=emotion, gender=[0, 1, 1, 0, "", 1]))
    assert raw.name == "folder"
    assert raw.classes == {"emotion": ["angry", "happy", "sad"], "gender": ["0", "1"]}
    assert raw.table["emotion"].tolist() == [1, 2, -1, 0, 2, 1]
    assert raw.table["gender"].tolist() == [0, 1, 1, 0, -1, 1]
    assert raw.table["person"].tolist() == person
    assert (raw.table[["age", "young", "smiling"]] == -1).all(axis=None)


def test_a_parquet_manifest_says_the_same(company: Path) -> None:
    rows = pd.DataFrame({"path": [f"staff/{number}.png" for number in range(6)], "age": [0, 1, None, 1, 0, 2]})
    rows.to_parquet(company / "manifest.parquet")
    raw = read(company)
    assert raw.table["age"].tolist() == [0, 1, -1, 1, 0, 2]
    assert raw.table["person"].is_unique


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "no column of labels: at least one of age, emotion, gender, young, smiling"),
        ({"age": ""}, "column age: no label at all"),
        ({"age": 1, "path": ["staff/0.png"] * 6}, "5 picture(s) listed more than once: staff/0.png"),
        ({"age": 1, "path": [*[f"staff/{n}.png" for n in range(5)], "x.png"]}, "1 picture(s) not found: x.png"),
        ({"age": 1, "path": [*[f"staff/{n}.png" for n in range(5)], "../x"]}, "1 picture(s) outside the folder: ../x"),
        ({"age": 1, "subset": "kept"}, "subset(s) other than forget, retain, validation, test, unseen: kept"),
        ({"age": 1, "person": ""}, "6 picture(s) without a person"),
    ],
)
def test_a_manifest_that_is_wrong(company: Path, columns: dict[str, object], words: str) -> None:
    assert words in refusal(manifest(company, **columns))


def test_a_manifest_without_paths(company: Path) -> None:
    (company / "manifest.csv").write_text("file,age\nstaff/0.png,1\n")
    assert "no column `path`; there is file, age" in refusal(company)


# all ------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["rafdb_folders", "celeba_root"])
def any_raw(request: pytest.FixtureRequest) -> RawDataset:
    return read(request.getfixturevalue(request.param))


def test_the_canonical_table(any_raw: RawDataset) -> None:
    table = any_raw.table
    assert set(table.columns) == {"person", "source", "published_subset", *TASKS}
    assert table["source"].is_unique
    for task in TASKS:
        labels = table[task]
        assert (
            labels.between(0, len(any_raw.classes[task]) - 1).all() if task in any_raw.classes else (labels == -1).all()
        )


def test_without_persons_the_unit_is_the_picture_with_its_copies(rafdb_folders: Path, tmp_path: Path) -> None:
    (rafdb_folders / "test/1/copy.jpg").write_bytes((rafdb_folders / "train/1/train_10.jpg").read_bytes())
    faces = store.build(read(rafdb_folders), tmp_path / "faces", DataSettings(image_size=16))
    units = groups.units(faces.table["person"], faces.table["content"])
    assert len(set(units)) == len(faces.table) - 1
    split = splits.make(faces.table, faces.info["classes"], task="emotion", settings=SplitSettings(), seed=0)
    assert (split.table["subset"] == "excluded").sum() == 1
    with pytest.raises(DataError, match=r"no labels for task 'age'.*set `task:` to one of: emotion"):
        splits.make(faces.table, faces.info["classes"], task="age", settings=SplitSettings(), seed=0)
