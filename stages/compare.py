"""DVC stage `compare`: every model beside the retrained oracle, as a table and a page."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import typer

from pipeline import comparison, config, gate, layout, tracking, tracking_runs
from stages.common import run


def main(picture: Path | None = typer.Option(None, help="also draw the trade-off into this PNG file")) -> None:
    from pipeline.report import page, stored, trade_off

    params = config.load()
    methods = params.unlearn.methods
    with tracking.stage_run("compare", params={"methods": methods}) as tracked:
        metrics = comparison.read_metrics(layout.METRICS, [*layout.REFERENCES, *methods])
        decision = gate.decide(metrics["original"], {name: metrics[name] for name in methods}, params.register)
        found = stored.read(metrics, decision, params, tracking_runs.revision())
        table = found.table
        layout.REPORTS.mkdir(exist_ok=True)
        table.to_csv(layout.REPORTS / "comparison.csv", index=False, float_format="%.6g")
        curves = [_curve(name, found.histories[name]) for name in methods]
        pd.concat(curves).to_csv(layout.REPORTS / "curves.csv", index=False, float_format="%.6g")
        page.write(found, layout.REPORTS / "report.html")
        tracked.log_metrics({f"nomus.{row['model']}": row["nomus"] for row in table.to_dict("records")})
        tracked.log_artifact(layout.REPORTS / "comparison.csv")
        tracked.log_artifact(layout.REPORTS / "report.html")
    if picture:
        picture.write_bytes(trade_off.png(found))
    typer.echo(comparison.render(table))


def _curve(method: str, history: pd.DataFrame) -> pd.DataFrame:
    """Step and loss of a method, with its name, for `dvc plots`; no row where it trains nothing (SSD)."""
    return history.reindex(columns=["step", "loss"]).dropna().assign(method=method)


if __name__ == "__main__":
    run(main)
