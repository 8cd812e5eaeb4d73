from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tiny_report as tiny

from stages import compare


@pytest.mark.parametrize(
    ("history", "rows"),
    [
        ({"step": [0, 1], "loss": [2.0, 1.0]}, 2),
        ({"step": [0, 1, 1], "loss": [2.0, None, 1.0], "alignment": [None, 0.5, None]}, 2),  # MUDA, SCRUB: other steps
        ({"step": [0], "dampened": [0.1]}, 0),  # SSD trains nothing
    ],
)
def test_a_curve_has_the_steps_with_a_loss(history: dict[str, list[float]], rows: int) -> None:
    curve = compare._curve("mine", pd.DataFrame(history))
    assert list(curve.columns) == ["step", "loss", "method"]
    assert len(curve) == rows
    assert curve["loss"].notna().all()


def test_tables_page_and_picture_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLFD_TRACKING", "off")
    tiny.make(["finetune", "ssd"])
    Path("params.yaml").write_text("unlearn: {methods: [finetune, ssd]}", encoding="utf-8")
    compare.main(picture=Path("trade-off.png"))
    assert "Models beside the retrained oracle" in capsys.readouterr().out
    assert list(pd.read_csv("reports/comparison.csv")["model"]) == ["original", "retrained", "finetune", "ssd"]
    assert pd.read_csv("reports/curves.csv").empty, "fine-tuning of the made-up run counts epochs, SSD nothing"
    assert "takes <strong>finetune</strong>" in Path("reports/report.html").read_text(encoding="utf-8")
    assert Path("trade-off.png").read_bytes().startswith(b"\x89PNG")


def test_the_library_of_the_page_is_imported_without_torch() -> None:
    code = (
        "import sys, stages.compare, pipeline.report.page; sys.exit('torch' in sys.modules or 'mlflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
