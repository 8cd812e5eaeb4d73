"""Batches of faces, ready on the device: uint8 storage, per-sample augmentation on the device.

On a GPU all pictures are copied there once; on the CPU they stay in the memory-mapped store and only the pictures
of a batch are read. Order and augmentation depend on (seed, epoch) alone, so a resumed training sees exactly
the batches that an undisturbed one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]  # pixels [B, 3, H, W] float32 in [0, 1], labels [B] or [B, A] int64

SHIFT = 0.08  # largest shift, as a share of the side
BRIGHTNESS = 0.2  # largest change of brightness, as a factor


@dataclass(frozen=True)
class Faces:
    """A subset of pictures with their labels.

    Attributes:
        images: all pictures of the store, uint8 [N, H, W, 3], on `device`.
        rows: int64 [M], which of them belong to the subset (on the CPU).
        labels: int64 [M], or [M, A] for A binary attributes, on `device`.
    """

    images: Tensor
    rows: Tensor
    labels: Tensor

    @property
    def device(self) -> torch.device:
        return self.images.device

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: Tensor) -> Faces:
        """The subset of the subset at `positions` [K]."""
        return replace(self, rows=self.rows[positions], labels=self.labels[positions.to(self.device)])

    def sample(self, count: int, seed: int) -> Faces:
        """`count` pictures drawn without replacement, all of them where there are fewer."""
        if count >= len(self):
            return self
        generator = torch.Generator().manual_seed(seed)
        return self.take(torch.randperm(len(self), generator=generator)[:count].sort().values)

    def joined(self, other: Faces) -> Faces:
        """This subset and then the other, both of the same store."""
        return replace(self, rows=torch.cat([self.rows, other.rows]), labels=torch.cat([self.labels, other.labels]))

    def pixels(self, positions: Tensor) -> Tensor:
        """Pictures at `positions` [B] of the subset: float32 [B, 3, H, W] in [0, 1], channels last in memory."""
        return _to_float(self._gather(positions))

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Every picture once, in order, unchanged."""
        for positions in torch.arange(len(self)).split(batch_size):
            yield self.pixels(positions), self.labels[positions.to(self.device)]

    def epoch(self, batch_size: int, *, seed: int, epoch: int, augment: bool) -> Iterator[Batch]:
        """Every picture once in random order, augmented per sample.

        A last batch of a single picture is joined to the one before: batch normalisation needs two. The only picture
        of a subset is there twice for the same reason.
        """
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(len(self), generator=generator)
        order = order.repeat(2) if len(order) == 1 else order
        for positions in _chunks(order, batch_size):
            raw = self._gather(positions)
            pixels = _augment(raw, generator) if augment else _to_float(raw)
            yield pixels, self.labels[positions.to(self.device)]

    def batches(self, batch_size: int) -> int:
        """How many batches an epoch has."""
        return len(_chunks(torch.arange(len(self)), batch_size))

    def endless(self, batch_size: int, *, seed: int, augment: bool) -> Iterator[Batch]:
        """Epoch after epoch, for a method that draws from this subset as it goes through another."""
        epoch = 0
        while True:
            yield from self.epoch(min(batch_size, len(self)), seed=seed, epoch=epoch, augment=augment)
            epoch += 1

    def _gather(self, positions: Tensor) -> Tensor:
        return self.images[self.rows[positions].to(self.device)]


def load_images(images: np.ndarray, device: torch.device) -> Tensor:
    """Pictures uint8 [N, H, W, 3] as a tensor: copied to a GPU, left in the memory map on the CPU."""
    if device.type == "cuda":
        return torch.from_numpy(np.ascontiguousarray(images)).to(device)
    return torch.from_numpy(images)


def _chunks(order: Tensor, batch_size: int) -> list[Tensor]:
    chunks = list(order.split(batch_size))
    if len(chunks) > 1 and len(chunks[-1]) == 1:
        last = chunks.pop()
        chunks[-1] = torch.cat([chunks[-1], last])
    return chunks


def _to_float(raw: Tensor) -> Tensor:
    return raw.permute(0, 3, 1, 2).float().div_(255)  # a view of NHWC: already channels last


def _augment(raw: Tensor, generator: torch.Generator) -> Tensor:
    """Flip, shift (the edge repeats) and brightness, drawn for each picture: uint8 [B, H, W, 3] -> [B, 3, H, W]."""
    count, height, width, _ = raw.shape
    flip = torch.rand(count, 1, generator=generator) < 0.5
    shift = (torch.rand(count, 2, generator=generator) * 2 - 1) * SHIFT
    factor = 1 + (torch.rand(count, 1, 1, 1, generator=generator) * 2 - 1) * BRIGHTNESS
    rows = _shifted(torch.arange(height).expand(count, -1), shift[:, :1], height)
    columns = torch.arange(width).expand(count, -1)
    columns = _shifted(torch.where(flip, columns.flip(1), columns), shift[:, 1:], width)
    rows, columns, factor = rows.to(raw.device), columns.to(raw.device), factor.to(raw.device)
    batch = torch.arange(count, device=raw.device)
    moved = raw[batch[:, None, None], rows[:, :, None], columns[:, None, :]]
    return _to_float(moved).mul_(factor).clamp_(0, 1)


def _shifted(index: Tensor, share: Tensor, size: int) -> Tensor:
    return (index + (share * size).round().long()).clamp(0, size - 1)
