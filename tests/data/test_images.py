"""Decoding and squaring of pictures."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from pathlib import Path

import hostile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.data.images import FORMATS, decode, square
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


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(hostile.FILES["bomb"])
    assert path.stat().st_size < 200_000
    monkeypatch.setattr(Image.Image, "load", lambda picture: pytest.fail("it was decoded"))
    with pytest.raises(DataError, match=r"bomb\.png: 8000×8000 pixels look like a decompression bomb"):
        decode(path)


@pytest.mark.parametrize("kind", hostile.FILES)
def test_what_is_hostile_or_damaged_is_one_clear_error(kind: str) -> None:
    with pytest.raises(DataError, match=r"^face\.jpg: .{3}") as refused:
        decode(hostile.FILES[kind], "face.jpg")
    assert len(str(refused.value)) < 300


@given(cut=st.integers(0, 2000), at=st.integers(0, 2000), byte=st.integers(0, 255), form=st.sampled_from(FORMATS))
def test_a_spoilt_file_is_a_picture_or_one_error(cut: int, at: int, byte: int, form: str) -> None:
    raw = bytearray(hostile.picture(form))
    raw[at % len(raw)] = byte
    with suppress(DataError):  # any other error fails
        assert decode(bytes(raw[: max(1, len(raw) - cut)])).dtype == np.uint8


def test_bytes_are_read_like_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(hostile.picture("WEBP"))
    assert (decode(path) == decode(path.read_bytes())).all()


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_of_16_bits_the_upper_8_count(form: str) -> None:
    grey = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    stored = io.BytesIO()
    Image.fromarray(grey).save(stored, form)
    assert (decode(stored.getvalue()) == (grey >> 8)[:, :, None]).all()


def test_of_an_animation_the_first_frame_counts() -> None:
    stored = io.BytesIO()
    first, second = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
    first.save(stored, "GIF", save_all=True, append_images=[second])
    assert (decode(stored.getvalue()) == (255, 0, 0)).all()


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"a\.jpg: there is no such file"):
        decode(tmp_path / "a.jpg")


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
