"""The UTKFace source: age and gender from names, the three that lack a field, and names that cannot be parsed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_data import draw

from pipeline.data.sources import read, utkface
from pipeline.errors import DataError

DATE = "20170109150557335"
LACKING = [
    "61_1_20170109150557335.jpg.chip.jpg",
    "61_1_20170109142408075.jpg.chip.jpg",
    "39_1_20170116174525125.jpg.chip.jpg",
]


def write(root: Path, names: list[str]) -> Path:
    for number, name in enumerate(names):
        draw(root / name, number)
    return root


def test_ages_fall_into_their_groups(tmp_path: Path) -> None:
    groups = {"0-6": (1, 6), "7-12": (7, 12), "13-19": (13, 19), "20-30": (20, 30)}
    groups |= {"31-45": (31, 45), "46-55": (46, 55), "56-66": (56, 66), "67+": (67, 116)}
    raw = read(write(tmp_path, [f"{age}_0_2_{DATE}.jpg" for ages in groups.values() for age in ages]))
    assert raw.name == "utkface"
    assert raw.classes["age"] == list(groups)
    for source, label in zip(raw.table["source"], raw.table["age"], strict=True):
        assert int(source.split("_")[0]) in groups[raw.classes["age"][label]]
    assert raw.table["age"].value_counts().eq(2).all()


def test_gender_and_units(tmp_path: Path) -> None:
    raw = read(write(tmp_path, [f"30_0_1_{DATE}.jpg", f"30_1_1_{DATE}.jpg.chip.jpg"]))
    assert [raw.classes["gender"][label] for label in raw.table["gender"]] == ["male", "female"]
    assert raw.table["person"].tolist() == raw.table["source"].tolist()
    assert (raw.table[["emotion", "young", "smiling"]] == -1).all(axis=None)
    assert (raw.table["published_subset"] == "").all()
    assert raw.image(1).shape == (8, 8, 3)


def test_the_three_names_that_lack_a_field_are_counted_and_their_gender_is_unknown(tmp_path: Path) -> None:
    raw = read(write(tmp_path, [*LACKING, f"30_0_1_{DATE}.jpg"]))
    (note,) = raw.notes
    assert note.startswith("3 name(s) lack the gender or the race")
    assert all(name in note for name in LACKING)
    assert raw.table["gender"].value_counts().to_dict() == {-1: 3, raw.classes["gender"].index("male"): 1}
    raw = read(write(tmp_path / "only", LACKING))
    assert [raw.classes["age"][label] for label in raw.table["age"]] == ["31-45", "56-66", "56-66"]


def test_the_two_misspelt_names_of_the_original(tmp_path: Path) -> None:
    raw = read(write(tmp_path, ["24_0_1_20170116220224657 .jpg.chip.jpg", "55_0_0_20170116232725357jpg.chip.jpg"]))
    assert [raw.classes["age"][label] for label in raw.table["age"]] == ["20-30", "46-55"]
    assert {raw.classes["gender"][label] for label in raw.table["gender"]} == {"male"}
    assert raw.notes == ()
    assert raw.image(0).shape == (8, 8, 3)


def test_nested_folders(tmp_path: Path) -> None:
    write(tmp_path, [f"part1/30_0_1_{DATE}.jpg", f"part2/deep/30_0_1_{DATE}.JPG", f"part1/._30_0_1_{DATE}.jpg"])
    assert read(tmp_path).table["source"].tolist() == [f"part1/30_0_1_{DATE}.jpg", f"part2/deep/30_0_1_{DATE}.JPG"]


@pytest.mark.parametrize(
    "bad",
    [
        f"130_0_1_{DATE}.jpg",
        f"30_2_1_{DATE}.jpg",
        f"30_0_7_{DATE}.jpg",
        f"30__0_{DATE}.jpg",
        f"-3_0_1_{DATE}.jpg",
        "30_0_1.jpg",
        f"30_0_1_{DATE}.png",
        "portrait.jpg",
    ],
)
def test_a_name_that_cannot_be_parsed_is_listed(tmp_path: Path, bad: str) -> None:
    write(tmp_path, [bad, f"part/{bad}", *(f"3{number}_0_1_{DATE}.jpg" for number in range(5))])
    with pytest.raises(DataError, match=r"2 picture\(s\) not named \[age\].*rename or remove") as caught:
        read(tmp_path)
    assert bad in str(caught.value)


def test_other_pictures_are_not_recognised(tmp_path: Path) -> None:
    assert not utkface.recognises(write(tmp_path / "a", ["portrait.jpg", "b.jpg"]))
    write(tmp_path / "b", [f"inner/30_0_1_{DATE}.jpg"])
    assert utkface.recognises(tmp_path / "b")
    (tmp_path / "b" / "inner" / "manifest.csv").write_text("path,age\n")
    assert not utkface.recognises(tmp_path / "b")  # the manifest is what counts
