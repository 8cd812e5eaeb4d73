"""A picture file -> pixels -> a square of the store's size."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.errors import DataError


def decode(path: Path) -> np.ndarray:
    """Decode a picture file in its own size, turned as its EXIF orientation says.

    Returns:
        uint8 [h, w, 3] RGB.

    Raises:
        DataError: no picture, cut short, or so large that it looks like an attack (Pillow's limit on pixels).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except UnidentifiedImageError:
        raise DataError(f"{path}: not a picture that Pillow can read") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{path}: {error}") from None


def square(pixels: np.ndarray, size: int) -> np.ndarray:
    """Centre crop to a square, then resize (Lanczos, after a fast box reduction of much larger pictures).

    Args:
        pixels: uint8 [h, w, 3].
        size: pixels a side.

    Returns:
        uint8 [size, size, 3].
    """
    height, width, _ = pixels.shape
    side = min(height, width)
    if height == width == size:
        return pixels
    top, left = (height - side) // 2, (width - side) // 2
    cropped = Image.fromarray(np.ascontiguousarray(pixels[top : top + side, left : left + side]))
    return np.asarray(cropped.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0))
