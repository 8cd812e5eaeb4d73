from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tiny_report as tiny

from pipeline.tracking import tracking_store
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
    shown = capsys.readouterr().out
    assert "Models beside the retrained oracle" in shown
    assert list(pd.read_csv("reports/comparison.csv")["model"]) == ["original", "retrained", "finetune", "ssd"]
    assert pd.read_csv("reports/curves.csv").empty, "fine-tuning of the made-up run counts epochs, SSD nothing"
    assert "takes <strong>finetune</strong>" in Path("reports/report.html").read_text(encoding="utf-8")
    assert Path("trade-off.png").read_bytes().startswith(b"\x89PNG")
    bins = pd.read_csv("reports/losses.csv")
    assert list(bins.columns) == ["model", "subset", "loss", "share"]
    shares = bins.groupby(["model", "subset"])["share"].sum()
    assert len(shares) == 4 * 3
    assert shares.to_numpy() == pytest.approx(100, abs=0.1)
    assert "vegaEmbed" in Path("reports/vega.js").read_text(encoding="utf-8")
    assert "finetune *" in shown


def test_mlflow_gets_figures_and_words_to_find_the_run_by(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DLFD_TRACKING", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    tiny.make(["finetune", "ssd"])
    Path("params.yaml").write_text("unlearn: {methods: [finetune, ssd]}", encoding="utf-8")
    compare.main(picture=None)
    client = tracking_store.connect().client
    experiment = client.get_experiment_by_name(tracking_store.EXPERIMENT).experiment_id
    (parent,) = client.search_runs([experiment], "tags.stage = 'pipeline' and tags.accepted = 'finetune'")
    (child,) = client.search_runs([experiment], "tags.stage = 'compare' and tags.superseded = 'false'")
    known = {"task": "age", "dataset": "made up", "protocol": "person", "methods": "finetune, ssd"}
    assert known.items() <= parent.data.tags.items()
    assert f"runs/{child.info.run_id}/artifacts/report.html" in parent.data.tags["mlflow.note.content"]
    assert "report.html" in child.data.tags["mlflow.note.content"]
    found = {file.path for file in client.list_artifacts(child.info.run_id)}
    assert {"report.html", "comparison.csv", "figures"} <= found
    drawn = {file.path for file in client.list_artifacts(child.info.run_id, "figures")}
    assert {"figures/trade_off.png", "figures/losses-finetune.png", "figures/losses-retrained.png"} <= drawn


def test_plots_fall_back_to_the_versions_that_are_embedded() -> None:
    import vl_convert

    page = (Path(__file__).parents[2] / ".dvc/plots/page.html").read_text(encoding="utf-8")
    embedded = {
        "vega": vl_convert.get_vega_version(),
        "vega-lite": max(vl_convert.get_vegalite_versions(), key=lambda one: [int(n) for n in one.split(".")]),
        "vega-embed": vl_convert.get_vega_embed_version(),
    }
    for name, version in embedded.items():
        assert f'"{name}@{version.partition(".")[0]}"' in page


def test_the_library_of_the_page_is_imported_without_torch() -> None:
    code = (
        "import sys, stages.compare, pipeline.report.page; sys.exit('torch' in sys.modules or 'mlflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
