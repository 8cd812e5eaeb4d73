"""The MUFAC source: its canonical table, and every way in which its files can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pipeline.data.sources import TASKS, mufac, read
from pipeline.errors import DataError


def test_the_canonical_table(mufac_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mufac, "FORGET_ROWS", 5)
    raw = read(mufac_root)
    assert raw.name == "mufac"
    assert raw.classes == {"age": list("abcdefgh")}
    table = raw.table
    assert table["published_subset"].value_counts().to_dict() == {
        "unseen": 12,
        "validation": 12,
        "retain": 7,
        "forget": 5,
    }
    assert table["published_subset"].tolist()[:6] == ["forget"] * 5 + ["retain"]
    assert table["person"][0] == "F0000/D"
    assert table["age"].tolist()[:4] == [0, 1, 2, 1]
    assert (table[[task for task in TASKS if task != "age"]] == -1).all(axis=None)
    assert table["source"].is_unique
    assert raw.image(13).shape == (24, 20, 3)


def edit(root: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = root / "custom_train_dataset.csv"
    change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)


def with_cells(column: str, values: dict[int, str]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[list(values), column] = list(values.values())
        return table

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="age_class"), r"custom_train.*lacks the column\(s\) age_class"),
        (lambda t: t[:0], "no rows"),
        (with_cells("age_class", {0: "z", 3: "A"}), r"2 row\(s\) with an age_class other than a to h: z, A"),
        (with_cells("image_path", {0: "gone.jpg"}), r"1 picture\(s\) not in train_images/: gone\.jpg"),
        (with_cells("image_path", {0: "../val_images/F1000_D_0.jpg"}), r"1 picture\(s\) not in train_images/"),
        (with_cells("image_path", {0: "F0000_D_0.JPG"}), r"F0000_D_0\.JPG \(there is F0000_D_0\.jpg\)"),
        (with_cells("image_path", {0: "F0000_D_1.JPG"}), r"1 picture\(s\) listed more than once: F0000_D_1\.JPG"),
        (with_cells("family_id", {2: ""}), r"1 row\(s\) with an empty cell: line 4"),
    ],
)
def test_a_wrong_table_is_explained(
    mufac_root: Path, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    edit(mufac_root, change)
    with pytest.raises(DataError, match=message):
        read(mufac_root)


def test_all_problems_come_in_one_message(mufac_root: Path) -> None:
    edit(mufac_root, with_cells("age_class", {0: "z"}))
    (mufac_root / "custom_val_dataset.csv").unlink()
    for picture in (mufac_root / "test_images").iterdir():
        picture.unlink()
    with pytest.raises(DataError, match="3 problem") as caught:
        read(mufac_root)
    assert "custom_val_dataset.csv not found" in str(caught.value)
    assert "12 picture(s) not in test_images/" in str(caught.value)


def test_a_binary_table_is_explained(mufac_root: Path) -> None:
    (mufac_root / "custom_test_dataset.csv").write_bytes(b"\xff\xfe\x00\x01\xd8")
    with pytest.raises(DataError, match=r"custom_test_dataset\.csv"):
        read(mufac_root)
