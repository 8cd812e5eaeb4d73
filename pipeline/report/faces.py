"""A contact sheet of drawn faces, in which no forgotten one is. Pictures of real people do not belong into a report."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from pipeline import layout
from pipeline.data import splits, store
from pipeline.data.contact_sheet import contact_sheet
from pipeline.report.section import Section
from pipeline.report.stored import Stored


def section(stored: Stored) -> Section:
    return Section({"sheet": _data_url(_png(sheet())) if stored.dataset["name"] == "synthetic" else None})


def sheet() -> Image.Image:
    """Of persons who are retained, without their keys.

    Raises:
        DataError: store or split are missing or damaged.
    """
    faces, split = store.open(layout.FACES), splits.read(layout.SPLITS)
    forgotten = split.loc[split["subset"] == "forget", "unit"]
    retained = split.loc[(split["subset"] == "retain") & ~split["unit"].isin(forgotten), "person"]
    shown = faces.table[faces.table["person"].isin(retained)]
    return contact_sheet(shown, lambda row: faces.images[shown["image"].iloc[row]], faces.info["classes"])


def embedded(path: Path) -> str | None:
    """A PNG file as a data URL; None where there is none."""
    return _data_url(path.read_bytes()) if path.exists() else None


def _png(picture: Image.Image) -> bytes:
    stored = io.BytesIO()
    picture.save(stored, "PNG")
    return stored.getvalue()


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
