from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline import layout
from stages import compare


@pytest.mark.parametrize(
    ("history", "rows"),
    [
        ({"step": [0, 1], "loss": [2.0, 1.0]}, 2),
        ({"step": [0, 1, 1], "loss": [2.0, None, 1.0], "alignment": [None, 0.5, None]}, 2),  # MUDA, SCRUB: other steps
        ({"step": [0], "dampened": [0.1]}, 0),  # SSD trains nothing
    ],
)
def test_a_curve_has_the_steps_with_a_loss(
    history: dict[str, list[float]], rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = layout.MODELS / "mine"
    folder.mkdir(parents=True)
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
    curve = compare._curve("mine")
    assert list(curve.columns) == ["step", "loss", "method"]
    assert len(curve) == rows
    assert curve["loss"].notna().all()
