"""Picture files -> labels and probabilities: what `mlflow models serve` and `dlfd predict` answer with.

Pictures are decoded, cropped and resized by the code that made the store (`data.images`), in threads, while the batch
before is predicted; a picture in its own size lives no longer than its decoding, so memory stays the same however many
there are. A picture that cannot be read costs its own answer and no other.

A registered version carries this file and what it imports (`served_model.CODE`).
"""

from __future__ import annotations

import base64
import binascii
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.data import images
from pipeline.data.tasks import is_multi_label
from pipeline.errors import DataError
from pipeline.learning import models

BATCH = 64  # pictures predicted at once
MAX_BYTES = 20_000_000  # of a picture that comes with a request; `max_bytes` sets another limit


@dataclass(frozen=True)
class Answer:
    """What is said of one picture.

    Attributes:
        label: the likeliest class; of several attributes those that are likelier than not, comma separated. None
            where the picture cannot be read.
        probabilities: of each class, which sum to one, or of each attribute by itself; empty where it cannot be read.
        error: why it cannot be read, else None.
    """

    label: str | None
    probabilities: tuple[float, ...]
    error: str | None = None

    def row(self, classes: list[str]) -> dict[str, Any]:
        """As a row of a table: label, probability_<class> …, error."""
        known = self.probabilities or (None,) * len(classes)
        columns = (f"probability_{name}" for name in classes)
        return {"label": self.label, **dict(zip(columns, known, strict=True)), "error": self.error}


class Predictor:
    """A classifier that takes picture files. Several threads may use it at once.

    Args:
        model: logits [B, C] of pixels [B, 3, H, W] in [0, 1], in evaluation mode.
        info: its model.json: at least classes and image_size.
        device: where the model is.
        max_bytes: of a picture that is not a path.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        info: dict[str, Any],
        device: torch.device | str = "cpu",
        *,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.classes: list[str] = [str(name) for name in info["classes"]]
        self.image_size = int(info["image_size"])
        self._model, self._device = model, device
        self._max_bytes = max_bytes
        self._multi_label = is_multi_label(str(info.get("task", "")))
        # One pool for all requests: however many come at once, no more than this many large pictures are in memory.
        self._pool = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="decode")

    def answers(self, pictures: Iterable[Any]) -> Iterator[Answer]:
        """One answer a picture, in their order.

        Args:
            pictures: each a path, the bytes of a picture file, these in base64 (as a data URL or not), or pixels
                [3, H, W] in [0, 1] of the model's own size.
        """
        remaining, started = iter(pictures), deque[list[Future[Tensor | str]]]()
        while True:
            batch = [self._pool.submit(self._ready, picture) for picture in islice(remaining, BATCH)]
            if batch:
                started.append(batch)
            if started and (len(started) == 2 or not batch):
                yield from self._answer([future.result() for future in started.popleft()])
            if not batch and not started:
                return

    @torch.no_grad()
    def probabilities(self, pixels: Tensor) -> Tensor:
        """[B, C] on the CPU, of pixels [B, 3, H, W] in [0, 1]."""
        moved = pixels.to(self._device, memory_format=torch.channels_last)
        logits = self._model(moved).float()
        return (logits.sigmoid() if self._multi_label else logits.softmax(1)).cpu()

    def _answer(self, batch: list[Tensor | str]) -> Iterator[Answer]:
        readable = [one for one in batch if isinstance(one, Tensor)]
        found = iter(self.probabilities(torch.stack(readable)).tolist() if readable else [])
        for one in batch:
            yield Answer(None, (), one) if isinstance(one, str) else self._named(next(found))

    def _named(self, probabilities: list[float]) -> Answer:
        if self._multi_label:
            likely = [name for name, share in zip(self.classes, probabilities, strict=True) if share >= 0.5]
            return Answer(", ".join(likely), tuple(probabilities))
        return Answer(self.classes[probabilities.index(max(probabilities))], tuple(probabilities))

    def _ready(self, picture: Any) -> Tensor | str:
        """Pixels [3, H, W] in [0, 1], or what is wrong with the picture."""
        try:
            if isinstance(picture, list | np.ndarray):
                return self._pixels(picture)
            whole = images.decode(picture if isinstance(picture, Path) else self._bytes(picture))
            squared = images.square(whole, self.image_size)
        except DataError as error:
            return str(error)
        except Exception as error:  # whatever one picture is, the others of its request have their answers
            return f"{picture if isinstance(picture, Path) else 'the picture'}: {_reason(error)}"
        return torch.from_numpy(np.ascontiguousarray(squared.transpose(2, 0, 1))).float().div_(255)

    def _bytes(self, picture: Any) -> bytes:
        """What is in a picture file."""
        if isinstance(picture, bytes | bytearray):
            self._check_size(len(picture))
            return bytes(picture)
        if not isinstance(picture, str):
            raise DataError(f"the picture: a {type(picture).__name__}, not a file's bytes or these in base64")
        self._check_size(len(picture) * 3 // 4)
        text = picture.partition(",")[2] if picture.startswith("data:") else picture
        try:
            return base64.b64decode("".join(text.split()), validate=True)  # `base64` breaks its lines
        except (binascii.Error, ValueError):  # the latter: letters beyond ASCII
            raise DataError("the picture: this text is not base64") from None

    def _check_size(self, count: int) -> None:
        if count > self._max_bytes:
            raise DataError(f"the picture: {count:,} bytes, no more than {self._max_bytes:,} are read")

    def _pixels(self, picture: list[Any] | np.ndarray) -> Tensor:
        try:
            pixels = torch.from_numpy(np.array(picture, dtype=np.float32))
        except (ValueError, TypeError, OverflowError):  # the latter: whole numbers without end
            raise DataError("the picture: neither a file nor pixels, which are numbers [3, H, W]") from None
        wanted = [3, self.image_size, self.image_size]
        if list(pixels.shape) != wanted:
            raise DataError(f"the picture: pixels {list(pixels.shape)}, expected {wanted}; send the file for any other")
        if not ((pixels >= 0) & (pixels <= 1)).all():  # not true of what is no number either
            raise DataError("the picture: pixels beyond [0, 1]; divide those of 0 to 255 by 255")
        return pixels


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "not enough memory"
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__


def load(folder: Path, device: torch.device | str = "cpu", *, max_bytes: int = MAX_BYTES) -> Predictor:
    """The predictor of a model folder (`pipeline.learning.models`): safetensors and JSON, no code and no pickle.

    Raises:
        ModelError: a file is missing, damaged, or its weights do not fit the architecture.
    """
    return Predictor(models.load(folder, device), models.load_info(folder), device, max_bytes=max_bytes)
