"""A small vector canvas in numpy: shapes are signed distances, edges are antialiased at any size.

Three frames share the pixels. *Image*: the square [-1, 1]², x to the right, y down. *Head*: the same, moved,
turned and scaled with the head. *Feature*: wrapped around the head like a label around a bottle, so that a turned
head shows its eyes, nose and mouth off centre and its far side narrowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import asin, cos, sin

import numpy as np

Colour = tuple[float, float, float] | np.ndarray  # RGB in [0, 1], one or one a pixel


@dataclass(frozen=True)
class Pose:
    """How the head is held: roll and yaw in radians, pitch and shift in image units, scale 1 = fills the picture."""

    roll: float
    yaw: float
    pitch: float
    x: float
    y: float
    scale: float


class Patch:
    """A rectangle of the canvas with coordinates u, v [h, w] in one of the frames; painting changes the canvas."""

    def __init__(self, rgb: np.ndarray, u: np.ndarray, v: np.ndarray, pixel: float) -> None:
        self.rgb, self.u, self.v, self.pixel = rgb, u, v, pixel

    def cover(self, distance: np.ndarray, soft: float = 0.0) -> np.ndarray:
        """Share [h, w] of each pixel inside a shape; `soft` is the width of a blurred edge."""
        return np.clip(0.5 - distance / (self.pixel + soft), 0, 1)

    def paint(self, distance: np.ndarray, colour: Colour, alpha: float | np.ndarray = 1.0, soft: float = 0.0) -> None:
        """Fill a shape given by its signed distance [h, w], negative inside."""
        cover = self.cover(distance, soft) * alpha
        self.rgb += cover[..., None] * (np.asarray(colour, np.float32) - self.rgb)

    def stroke(
        self,
        distance: np.ndarray,
        width: float,
        colour: Colour,
        alpha: float | np.ndarray = 1.0,
        soft: float = 0.0,
    ) -> None:
        """Draw a line around distance 0; one thinner than a pixel becomes paler, not wider."""
        half = max(width, self.pixel) / 2
        self.paint(distance - half, colour, alpha * min(1.0, width / self.pixel), soft)


class Canvas:
    """Pixels float32 [size, size, 3] and the coordinates of the three frames.

    Args:
        size: pixels a side.
        pose: of the head.
        radius: half the width of the head, around which features are wrapped.
    """

    def __init__(self, size: int, pose: Pose, radius: float) -> None:
        self.size, self.pose, self.radius = size, pose, radius
        self.rgb = np.zeros((size, size, 3), np.float32)
        x, y = _grid(size)
        turn, lean = cos(pose.roll) / pose.scale, sin(pose.roll) / pose.scale
        dx, dy = x - pose.x, y - pose.y
        self.u, self.v = dx * turn + dy * lean, dy * turn - dx * lean
        self.pixel = 2 / size / pose.scale
        self.image = Patch(self.rgb, x, y, 2 / size)
        self.head = Patch(self.rgb, self.u, self.v, self.pixel)
        angle = np.arcsin(np.clip(self.u / radius, -1, 1)) - pose.yaw
        # Beyond the outline the wrap goes on straight: glasses and wrinkles must not fold back.
        beyond = np.clip(np.abs(self.u) - radius, 0, None) * np.sign(self.u)
        self.features = Patch(self.rgb, radius * np.sin(angle) + beyond, self.v - pose.pitch, self.pixel)

    def near(self, u: float, v: float, reach: float) -> Patch:
        """The part of the feature frame within `reach` of a point: small shapes need not visit every pixel."""
        turned = self.radius * sin(asin(max(-1.0, min(1.0, u / self.radius))) + self.pose.yaw)
        v += self.pose.pitch
        c, s = cos(self.pose.roll) * self.pose.scale, sin(self.pose.roll) * self.pose.scale
        x, y = turned * c - v * s + self.pose.x, turned * s + v * c + self.pose.y
        rows, columns = (self._slice(centre, reach * self.pose.scale * 1.3) for centre in (y, x))
        at = (rows, columns)
        return Patch(self.rgb[at], self.features.u[at], self.features.v[at], self.pixel)

    def _slice(self, centre: float, reach: float) -> slice:
        low, high = ((edge + 1) * self.size / 2 for edge in (centre - reach, centre + reach))
        return slice(max(0, int(low)), max(0, min(self.size, int(high) + 2)))


@lru_cache(maxsize=8)
def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres x, y [size, size] in image units; shared, so read-only."""
    centres = ((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32)
    y, x = np.meshgrid(centres, centres, indexing="ij")
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


def ellipse(patch: Patch, u: float, v: float, half_width: float, half_height: float) -> np.ndarray:
    """Signed distance [h, w] to an ellipse, exact to first order at its edge."""
    x, y = (patch.u - u) / half_width, (patch.v - v) / half_height
    k = np.sqrt(x * x + y * y)
    steep = np.sqrt((x / half_width) ** 2 + (y / half_height) ** 2)
    return k * (k - 1) / (steep + 1e-6)


def box(patch: Patch, u: float, v: float, half_width: float, half_height: float, corner: float) -> np.ndarray:
    """Signed distance [h, w] to a box with round corners."""
    x, y = np.abs(patch.u - u) - half_width + corner, np.abs(patch.v - v) - half_height + corner
    return np.hypot(np.maximum(x, 0), np.maximum(y, 0)) + np.minimum(np.maximum(x, y), 0) - corner


def arc(patch: Patch, u: float, v: float, half_width: float, bend: float = 0.0, tilt: float = 0.0) -> np.ndarray:
    """Distance [h, w] to a curve around (u, v): its ends lie `bend` lower than its middle, the right one `tilt`."""
    x = (patch.u - u) / half_width
    t = np.clip(x, -1, 1)
    return np.hypot((x - t) * half_width, patch.v - v - tilt * t - bend * t * t)


def melt(first: np.ndarray, second: np.ndarray, width: float) -> np.ndarray:
    """Union of two shapes with a smooth seam (polynomial smooth minimum)."""
    h = np.clip(0.5 + 0.5 * (second - first) / width, 0, 1)
    return second + (first - second) * h - width * h * (1 - h)
