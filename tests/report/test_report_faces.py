"""The contact sheet of the page: drawn faces, none of a forgotten person, nobody's key."""

from __future__ import annotations

import base64
import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tiny_data
from PIL import Image

from pipeline.data.contact_sheet import contact_sheet
from pipeline.data.store import Store
from pipeline.report import faces


def test_drawn_faces_are_shown_but_no_forgotten_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """One colour a person; b is forgotten, and so is c, who shares a unit with b."""
    table = tiny_data.make_faces(list("abcd"), list("1234"), [0, 0, 0, 0])
    colours = np.array([(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0)], np.uint8)
    images = np.broadcast_to(colours[:, None, None], (4, 8, 8, 3))
    info = {"name": "synthetic", "image_size": 8, "classes": {"age": ["child", "adult"]}}
    split = pd.DataFrame(
        {"person": table["person"], "unit": list("abbd"), "subset": ["retain", "forget", "retain", "retain"]}
    )
    monkeypatch.setattr(faces.store, "open", lambda folder: Store(images, table, info))
    monkeypatch.setattr(faces.splits, "read", lambda folder: split)
    told = faces.section(SimpleNamespace(dataset=info)).values["sheet"]  # type: ignore[arg-type]
    raw = base64.b64decode(told.removeprefix("data:image/png;base64,"))
    pixels = np.asarray(Image.open(io.BytesIO(raw)).convert("RGB")).reshape(-1, 3)
    assert [bool((pixels == colour).all(axis=1).any()) for colour in colours] == [True, False, False, True]


def test_keys_of_persons_are_not_drawn() -> None:
    def drawn(person: str) -> bytes:
        table = tiny_data.make_faces([person], ["1"], [0])
        return contact_sheet(table, lambda row: np.zeros((8, 8, 3), np.uint8), {"age": ["child"]}).tobytes()

    assert drawn("p0001") == drawn("somebody else")
