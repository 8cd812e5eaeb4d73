"""Picture files and pixels that a careless reader would choke on, drawn or written by hand."""

from __future__ import annotations

import io
import pickle
import struct
import zlib

import numpy as np
from PIL import Image


def picture(form: str = "JPEG", side: int = 24, seed: int = 0) -> bytes:
    """A sound picture file of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side + 4, 3), dtype=np.uint8)
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, form)
    return stored.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A sound PNG of one colour: small to send, huge to decode."""
    packer = zlib.compressobj(9)
    line = bytes(1 + 3 * width)
    rows = b"".join([*(packer.compress(line) for _ in range(height)), packer.flush()])
    return _header(width, height) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _grey32() -> bytes:
    stored = io.BytesIO()
    Image.fromarray(np.linspace(0, 9e4, 64, dtype=np.float32).reshape(8, 8)).save(stored, "TIFF")
    return stored.getvalue()


_PNG = picture("PNG")
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>'
FILES: dict[str, bytes] = {
    "nothing": b"",
    "text": b"Dear all, please find my picture attached.",
    "svg": _SVG.encode(),
    "html": b"<html><script>alert(1)</script></html>",
    "zip": b"PK\x03\x04" + bytes(60),
    "pickle": pickle.dumps(print),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(/tmp/x) (w) file\n%%EOF\n",
    "jpeg cut in half": picture()[:700],
    "jpeg header alone": picture()[:20],
    "png cut in half": _PNG[: len(_PNG) // 2],
    "png without its pixels": _PNG[:33] + _chunk(b"IEND", b""),
    "png of no width": _header(0, 9),
    "png that claims 4 gigapixels": _header(65535, 65535),
    "png with a bomb of text": _PNG[:33] + _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(90_000_000))) + _PNG[33:],
    "gif of one byte a side claimed huge": b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(9),
    "bomb": bomb(8_000, 8_000),
    "grey of 32 bits": _grey32(),
}
NUMBERS: list[object] = [[[[10**400]]], [[[-(10**400), 0.5]]], [[[{}]]], [[[1j]]], [[["\ud800"]]]]  # sent as pixels
