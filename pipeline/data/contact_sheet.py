"""Contact sheets, for looking at data before trusting it: a person a row with captions; pictures before and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from pipeline.errors import DataError

INK, PAPER = (40, 40, 45), (250, 250, 250)
LINE, MARGIN = 14, 6  # height of a line of text, gap around a picture; pixels


def contact_sheet(
    table: pd.DataFrame,
    image: Callable[[int], np.ndarray],
    classes: dict[str, list[str]],
    *,
    persons: int = 10,
    pictures: int = 6,
    cell: int = 96,
) -> Image.Image:
    """Draw the first persons of a table.

    Args:
        table: `person` and any of the label columns; its order is the order of pictures.
        image: position in the table -> uint8 [h, w, 3] RGB; called only for pictures on the sheet.
        classes: task -> class names; each task that the table has a column for gets a line of the caption.
        persons, pictures: rows and, at most, columns.
        cell: pixels a side of one picture; smaller pictures are enlarged without smoothing.

    Raises:
        DataError: the table is empty.
    """
    if table.empty:
        raise DataError("no faces for a contact sheet: the table is empty")
    shown = table["person"].drop_duplicates().tolist()[:persons]
    positions = [np.flatnonzero(table["person"] == person)[:pictures] for person in shown]
    tasks = [task for task in classes if task in table]
    captions = [[_caption(table.iloc[at], tasks, classes) for at in row] for row in positions]
    tall = cell + LINE * max(len(lines) for row in captions for lines in row) + MARGIN
    left = LINE + 7 * len(str(len(shown)))
    columns = max(len(row) for row in positions)
    sheet = Image.new("RGB", (left + columns * (cell + MARGIN) + MARGIN, len(shown) * tall + MARGIN), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for row in range(len(shown)):
        top = MARGIN + row * tall
        pen.text((MARGIN, top + cell // 2), str(row + 1), INK, font)  # not the key: a sheet gets into reports
        for column, (at, lines) in enumerate(zip(positions[row], captions[row], strict=True)):
            x = left + column * (cell + MARGIN)
            sheet.paste(_fitted(image(int(at)), cell), (x, top))
            for number, line in enumerate(lines):
                pen.text((x, top + cell + number * LINE), line, INK, font)
    return sheet


def change_sheet(before: np.ndarray, after: np.ndarray, *, cell: int = 96) -> Image.Image:
    """Three rows of pictures: before, the change, after. The greatest change of any is made black or white on grey.

    Args:
        before, after: uint8 [n, h, w, 3] RGB.
        cell: pixels a side of one picture.
    """
    change = after.astype(np.int16) - before
    grey = 128 + change * (127 / max(1, np.abs(change).max()))
    sheet = Image.new("RGB", (len(before) * (cell + MARGIN) + MARGIN, 3 * (cell + MARGIN) + MARGIN), PAPER)
    for row, pictures in enumerate((before, grey.astype(np.uint8), after)):
        for column, pixels in enumerate(pictures):
            sheet.paste(_fitted(pixels, cell), (MARGIN + column * (cell + MARGIN), MARGIN + row * (cell + MARGIN)))
    return sheet


def save_contact_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a sheet as PNG, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, format="PNG")


def _caption(row: pd.Series, tasks: list[str], classes: dict[str, list[str]]) -> list[str]:
    """Class names, two on a line; unknown labels are left out."""
    known = [classes[task][int(row[task])] for task in tasks if int(row[task]) >= 0]
    return [", ".join(known[i : i + 2]) for i in range(0, len(known), 2)]


def _fitted(pixels: np.ndarray, cell: int) -> Image.Image:
    picture = Image.fromarray(pixels)
    enlarged = max(picture.size) <= cell
    return picture.resize((cell, cell), Image.Resampling.NEAREST if enlarged else Image.Resampling.LANCZOS)
