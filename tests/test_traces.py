"""The search of tests/traces.py finds what is planted."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import traces
from PIL import Image

FACE = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)


def png(times: int) -> bytes:
    """A sheet with the face somewhere on it, enlarged."""
    sheet = np.full((60, 60, 3), 250, np.uint8)
    sheet[3 : 3 + 8 * times, 5 : 5 + 8 * times] = FACE[0].repeat(times, 0).repeat(times, 1)
    stored = io.BytesIO()
    Image.fromarray(sheet).save(stored, "PNG")
    return stored.getvalue()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for name in ("mlartifacts/1", "workspace/faces", "reports", ".dvc/cache"):
        (root / name).mkdir(parents=True)
    (root / "workspace/faces/table.txt").write_text("p0007")
    (root / ".dlfd-salt").write_text("secret")
    (root / "reports/clean.html").write_text("p00071 xp0007 p0008")
    return root


def test_a_planted_key_is_found(checkout: Path, tmp_path: Path) -> None:
    assert traces.words(traces.written(checkout, tmp_path / "other"), ["p0007", "secret"]) == []
    (checkout / "mlflow.db").write_bytes(b"\0\1p0007\2")
    (checkout / "mlartifacts/1/p0007.txt").write_text("")
    (checkout / "reports/report.html").write_text('{"unit": "p0007"}')
    pd.DataFrame({"person": ["p0007"] * 50}).to_parquet(checkout / "mlartifacts/1/a.parquet")
    (checkout / "log.txt").write_text("the salt is secret.")
    found = traces.words(traces.written(checkout, tmp_path / "other"), ["p0007", "secret"])
    assert found == [
        "log.txt",
        "mlartifacts/1/a.parquet",
        "mlartifacts/1/p0007.txt",
        "mlflow.db",
        "reports/report.html",
    ]


def test_what_came_with_the_clone_is_no_trace(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("dlfd request add p0007")
    (checkout / "README.md").write_text("dlfd request add p0007")
    assert traces.words(traces.written(checkout, tmp_path), ["p0007"]) == []


@pytest.mark.parametrize("times", [1, 3])
def test_a_planted_face_is_found(checkout: Path, tmp_path: Path, times: int) -> None:
    assert traces.pictures(traces.written(checkout, tmp_path / "other"), FACE) == []
    (checkout / "reports/sheet.png").write_bytes(png(times))
    encoded = base64.b64encode(png(times)).decode()
    (checkout / "mlartifacts/1/report.html").write_text(f'<img src="data:image/png;base64,{encoded}">')
    np.save(checkout / "mlartifacts/1/faces.npy", FACE)
    found = traces.pictures(traces.written(checkout, tmp_path / "other"), FACE)
    assert found == ["mlartifacts/1/faces.npy", "mlartifacts/1/report.html", "reports/sheet.png"]
