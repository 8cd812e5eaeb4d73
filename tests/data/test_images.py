"""Decoding and squaring of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.data.images import decode, square
from pipeline.errors import DataError


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK", "1", "LA"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.tif"
    Image.new("RGB", (5, 7), (200, 200, 200)).convert(mode).save(path)
    pixels = decode(path)
    assert pixels.shape == (7, 5, 3)
    assert pixels.dtype == np.uint8


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.new("RGB", (10, 4)).save(path, exif=exif)
    assert decode(path).shape == (10, 4, 3)


@pytest.mark.parametrize("damage", ["text", "empty", "cut"])
def test_what_is_no_picture_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "face.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    raw = path.read_bytes()
    path.write_bytes({"text": b"no picture", "empty": b"", "cut": raw[: len(raw) // 2]}[damage])
    with pytest.raises(DataError, match=r"face\.jpg"):
        decode(path)


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.png"
    Image.new("RGB", (50, 50)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    with pytest.raises(DataError, match="decompression bomb"):
        decode(path)


@given(height=st.integers(1, 70), width=st.integers(1, 70), size=st.integers(1, 40))
def test_squares_have_the_size_and_keep_a_flat_colour(height: int, width: int, size: int) -> None:
    flat = np.full((height, width, 3), (10, 200, 90), dtype=np.uint8)
    assert (square(flat, size) == np.full((size, size, 3), (10, 200, 90))).all()


def test_the_centre_is_kept() -> None:
    wide = np.zeros((10, 30, 3), dtype=np.uint8)
    wide[:, 10:20] = 255
    assert (square(wide, 10) == 255).all()
    assert (square(wide.transpose(1, 0, 2), 10) == 255).all()


def test_the_right_size_is_left_alone() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert (square(pixels, 16) == pixels).all()
