"""Tiny raw data and store tables that the tests of several modules share; no torch here."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import pipeline.tracking
from pipeline.data.sources import TASKS


def write_mufac(root: Path, persons: int = 4, pictures: int = 3) -> Path:
    """The layout of MUFAC in `root`: `persons` in each part, every picture different."""
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for offset, part in enumerate(("train", "val", "test")):
        folder = root / f"{part}_images"
        folder.mkdir()
        rows = []
        for number in range(persons):
            for picture in range(pictures):
                family = f"F{offset}{number:03d}"
                name = f"{family}_D_{picture}.{'JPG' if picture % 2 else 'jpg'}"
                pixels = rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / name, format="JPEG")
                rows.append([family, "D", "abcdefgh"[(number + picture) % 8], name])
        table = pd.DataFrame(rows, columns=["family_id", "person_id", "age_class", "image_path"])
        table.to_csv(root / f"custom_{part}_dataset.csv", index=False)
    return root


def draw(path: Path, seed: int = 0) -> None:
    """Write a small picture, another one for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format="PNG" if path.suffix == ".png" else "JPEG")


def write_rafdb(root: Path, train: int = 3, test: int = 1) -> Path:
    """The folders of RAF-DB in `root`: so many pictures of each emotion in each part, every picture different."""
    for part, count in (("train", train), ("test", test)):
        for number in range(7 * count):
            name = f"{part}_{number:05d}_aligned.jpg"
            draw(root / part / str(1 + number % 7) / name, seed=number + 1000 * (part == "test"))
    return root


def write_rafdb_list(root: Path, name: str = "EmoLabel/list_patition_label.txt", train: int = 3, test: int = 1) -> Path:
    """The same pictures as `write_rafdb` as officially published, with a list of labels."""
    write_rafdb(root / "folders", train, test)
    lines = []
    (root / "Image" / "aligned").mkdir(parents=True)
    for picture in sorted((root / "folders").rglob("*.jpg")):
        lines.append(f"{picture.name.replace('_aligned', '')} {picture.parent.name}")
        picture.rename(root / "Image" / "aligned" / picture.name)
    shutil.rmtree(root / "folders")
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("\n".join(lines) + "\n")
    return root


def write_celeba(root: Path, identities: list[int], nested: bool = True) -> Path:
    """CelebA-HQ with a picture for each of `identities`; its original in CelebA has a number of its own."""
    below = root / "CelebAMask-HQ" if nested else root
    for index in range(len(identities)):
        draw(below / "CelebA-HQ-img" / f"{index}.jpg", seed=index)
    names = ["5_o_Clock_Shadow", "Male", "Smiling", "Young"]
    rows = [[f"{i}.jpg", "-1", *(str(2 * (i >> bit & 1) - 1) for bit in range(3))] for i in range(len(identities))]
    lines = [str(len(rows)), " ".join(names), *("  ".join(row) for row in rows)]
    (below / "CelebAMask-HQ-attribute-anno.txt").write_text("\n".join(lines) + "\n")
    originals = [f"{900 - index:06d}.jpg" for index in range(len(identities))]
    mapped = [f"{index:<8}{900 - index - 1:<12}{original}" for index, original in enumerate(originals)]
    (below / "CelebA-HQ-to-CelebA-mapping.txt").write_text("\n".join(["idx orig_idx orig_file", *mapped]) + "\n")
    known = {"000001.jpg": 7, **dict(zip(originals, identities, strict=True))}
    lines = [f"{name} {identity}" for name, identity in sorted(known.items())]
    (root / "identity_CelebA.txt").write_text("\n".join(lines) + "\n")
    return root


def make_faces(person: list[str], content: list[str], age: list[int]) -> pd.DataFrame:
    """The table of a store."""
    count = len(person)
    return pd.DataFrame(
        {
            "image": np.arange(count, dtype="int32"),
            "person": person,
            **{task: np.full(count, -1, dtype="int16") for task in TASKS},
            "age": np.array(age, dtype="int16"),
            "published_subset": "",
            "content": content,
            "source": [f"{number}.jpg" for number in range(count)],
        }
    )


class Recorder:
    """Stands in for `pipeline.tracking.stage_runs` in a stage: keeps what is logged."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, dict[str, Any]]] = []
        self.metrics: dict[str, float] = {}
        self.artifacts: list[Path] = []

    @contextmanager
    def stage_run(self, stage: str, params: dict[str, Any]) -> Iterator[Recorder]:
        self.stages.append((stage, params))
        yield self

    def log_metrics(self, metrics: dict[str, float]) -> None:
        self.metrics |= metrics

    def log_artifact(self, path: Path) -> None:
        assert path.is_file()
        self.artifacts.append(path)

    def log_artifacts(self, path: Path, folder: str) -> None:
        assert path.is_dir()
        self.artifacts.append(path)


def stage(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Callable[[], None], Recorder]:
    """`main` of a stage whose runs are recorded and not sent to MLflow."""
    recorder = Recorder()
    monkeypatch.setitem(sys.modules, "pipeline.tracking.stage_runs", recorder)  # type: ignore[arg-type]
    monkeypatch.setattr(pipeline.tracking, "stage_runs", recorder, raising=False)
    module = importlib.import_module(f"stages.{name}")
    monkeypatch.setattr(module, "stage_runs", recorder)
    return module.main, recorder
