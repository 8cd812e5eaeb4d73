"""The contact sheet: what is on it, and that it draws no more than it shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.data.contact_sheet import change_sheet, contact_sheet, save_contact_sheet
from pipeline.errors import DataError

CLASSES = {"age": ["child", "adult"], "emotion": ["happy", "sad"]}
TABLE = pd.DataFrame({"person": list("aabbbc"), "age": [0, 0, 1, 1, 1, -1], "emotion": [0, 1, 0, 1, 0, -1]})
COLOURS = np.array([(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200), (200, 0, 200)], np.uint8)


def flat(row: int) -> np.ndarray:
    return np.broadcast_to(COLOURS[row], (8, 8, 3)).copy()


def shown(sheet: Image.Image) -> list[int]:
    """Which pictures are on the sheet."""
    pixels = np.asarray(sheet).reshape(-1, 3)
    return [row for row, colour in enumerate(COLOURS) if (pixels == colour).all(axis=1).sum() >= 32 * 32]


def test_every_picture_is_shown() -> None:
    assert shown(contact_sheet(TABLE, flat, CLASSES, cell=32)) == [0, 1, 2, 3, 4, 5]


def test_persons_and_pictures_are_limits_and_nothing_else_is_drawn() -> None:
    asked: list[int] = []
    sheet = contact_sheet(TABLE, lambda row: asked.append(row) or flat(row), CLASSES, persons=2, pictures=2, cell=32)
    assert shown(sheet) == sorted(asked) == [0, 1, 2, 3]


def test_a_row_is_a_person() -> None:
    pixels = np.asarray(contact_sheet(TABLE, flat, CLASSES, cell=32))
    rows = [np.flatnonzero((pixels == COLOURS[row]).all(axis=2).any(axis=1)).min() for row in range(6)]
    assert rows[0] == rows[1] < rows[2] == rows[3] == rows[4] < rows[5]


def test_captions_change_with_labels_and_unknown_ones_are_left_out() -> None:
    def sheet(**labels: list[int]) -> np.ndarray:
        return np.asarray(contact_sheet(pd.DataFrame({"person": ["a"], **labels}), lambda _: flat(0), CLASSES))

    assert (sheet(age=[0], emotion=[0]) != sheet(age=[1], emotion=[0])).any()
    assert sheet(age=[0]).shape == sheet(age=[1], emotion=[-1]).shape


def test_large_and_small_pictures_fit_the_cell() -> None:
    for size in (4, 32, 100):
        sheet = contact_sheet(TABLE[:1], lambda _, n=size: np.zeros((n, n, 3), np.uint8), CLASSES, cell=32)
        assert sheet.height < 80


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(DataError, match="empty"):
        contact_sheet(TABLE[:0], flat, CLASSES)


def test_a_change_is_shown_between_before_and_after() -> None:
    before = np.full((2, 8, 8, 3), 100, np.uint8)
    after = before.copy()
    after[1, :4] += 3
    after[1, 4:] -= 3
    pixels = np.asarray(change_sheet(before, after, cell=8))
    first, second = pixels[:, 6:14], pixels[:, 20:28]
    assert [int(first[y, 4, 0]) for y in (8, 22, 36)] == [100, 128, 100]
    assert int(second[22, 4, 0]) == 255
    assert int(second[27, 4, 0]) == 1
    assert int(second[36, 4, 0]) == 103


def test_it_is_saved_as_png(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sheet.png"
    save_contact_sheet(contact_sheet(TABLE, flat, CLASSES), path)
    assert Image.open(path).format == "PNG"
