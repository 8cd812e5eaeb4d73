"""A picture file -> pixels -> a square of the store's size. What training saw is what a served model sees."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.errors import DataError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # not EPS, say, for which Pillow runs Ghostscript
MAX_PIXELS = 50_000_000  # 150 MB decoded; Pillow's own guard lets three times as much pass


def decode(picture: Path | bytes, name: str = "") -> np.ndarray:
    """Decode a picture file in its own size, turned as its EXIF orientation says.

    Of an animation the first frame; without transparency; of 16 bits a channel the upper 8.

    Args:
        picture: a path, or what is in the file.
        name: what an error calls it; default: the path.

    Returns:
        uint8 [h, w, 3] RGB.

    Raises:
        DataError: missing, no picture of FORMATS, cut short, or of more than MAX_PIXELS, which its header tells before
            anything is decoded.
    """
    name = name or (str(picture) if isinstance(picture, Path) else "the picture")
    if isinstance(picture, Path) and not picture.is_file():  # a pipe, say, which would never end
        raise DataError(f"{name}: there is no such file")
    try:
        with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture, formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise Image.DecompressionBombError(
                    f"{opened.width}×{opened.height} pixels look like a decompression bomb: "
                    f"no more than {MAX_PIXELS // 1_000_000} million are read"
                )
            return np.asarray(_rgb(ImageOps.exif_transpose(opened)))
    except UnidentifiedImageError:
        raise DataError(f"{name}: not a picture that can be read (known: {', '.join(FORMATS)})") from None
    except Exception as error:  # a damaged or hostile file may raise anything
        raise DataError(f"{name}: {error or type(error).__name__}") from None


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


def _rgb(picture: Image.Image) -> Image.Image:
    """Pillow cuts wider greys off at 255: a picture of 16 bits would be all white."""
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    elif picture.mode in ("I", "F"):
        raise ValueError("32 bits a pixel, of which nobody says what is white: save it with 8 or 16")
    return picture.convert("RGB")
