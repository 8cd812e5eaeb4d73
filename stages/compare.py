"""DVC stage `compare`: every model beside the retrained oracle, as a table and a page."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import typer

from pipeline import comparison, config, layout, stored_json
from pipeline.registry import gate
from pipeline.tracking import run_tree, stage_runs
from stages.common import run

if TYPE_CHECKING:
    from pipeline.report.stored import Stored


def main(picture: Path | None = typer.Option(None, help="also draw the trade-off into this PNG file")) -> None:
    from pipeline.report import charts, figures, losses, page, stored, trade_off

    params = config.load()
    methods = params.unlearn.methods
    with stage_runs.stage_run("compare", params={"methods": methods}) as tracked:
        metrics = stored_json.read_metrics(layout.METRICS, [*layout.TRAINED, *methods])
        decision = gate.decide(metrics["original"], {name: metrics[name] for name in methods}, params.register)
        found = stored.read(metrics, decision, params, run_tree.revision())
        table = found.table
        layout.REPORTS.mkdir(exist_ok=True)
        table.to_csv(layout.REPORTS / "comparison.csv", index=False, float_format="%.6g")
        curves = [_curve(name, found.histories[name]) for name in methods]
        pd.concat(curves).to_csv(layout.REPORTS / "curves.csv", index=False, float_format="%.6g")
        bins = losses.histograms(found)
        bins = bins.assign(loss=10 ** bins["low"])[["model", "subset", "loss", "share"]]
        bins.to_csv(layout.REPORTS / "losses.csv", index=False, float_format="%.4g")
        (layout.REPORTS / "vega.js").write_text(charts.javascript(), encoding="utf-8")
        sections = page.write(found, layout.REPORTS / "report.html")
        tracked.log_metrics({f"nomus.{row['model']}": row["nomus"] for row in table.to_dict("records")})
        tracked.log_artifact(layout.REPORTS / "comparison.csv")
        tracked.log_artifact(layout.REPORTS / "report.html")
        if tracked.id:
            with tempfile.TemporaryDirectory() as folder:
                figures.write(found, sections, Path(folder))
                tracked.log_artifacts(Path(folder), "figures")
        tracked.tag_execution(_execution(found, tracked.page_of("report.html")))
    if picture:
        picture.write_bytes(trade_off.png(found))
    typer.echo(comparison.render(table, decision.accepted))


def _execution(found: Stored, page: str) -> dict[str, str]:
    """By which a newcomer finds an execution of the pipeline in MLflow, and what its description says."""
    accepted = found.decision.accepted or "none"
    return {
        "accepted": accepted,
        "dataset": str(found.dataset["name"]),
        "task": found.params.task,
        "protocol": str(found.splits["protocol"]),
        "methods": ", ".join(found.methods),
        "mlflow.note.content": f"One execution of the pipeline; its stages are the nested runs.\n\n"
        f"Accepted by the gate: **{accepted}**. Everything at a glance: [the report]({page}).",
    }


def _curve(method: str, history: pd.DataFrame) -> pd.DataFrame:
    """Step and loss of a method, with its name, for `dvc plots`; no row where it trains nothing (SSD)."""
    return history.reindex(columns=["step", "loss"]).dropna().assign(method=method)


if __name__ == "__main__":
    run(main)
