"""DVC stage `compare`: every model beside the retrained oracle, as a table and a page."""

from __future__ import annotations

import json

import pandas as pd
import typer

from pipeline import comparison, config, layout, report, tracking
from stages.common import run


def main() -> None:
    params = config.load()
    names = [*layout.REFERENCES, *params.unlearn.methods]
    with tracking.stage_run("compare", params={"methods": params.unlearn.methods}) as tracked:
        table = comparison.compare(comparison.read_metrics(layout.METRICS, names))
        layout.REPORTS.mkdir(exist_ok=True)
        table.to_csv(layout.REPORTS / "comparison.csv", index=False, float_format="%.6g")
        curves = [_curve(name) for name in params.unlearn.methods]
        pd.concat(curves).to_csv(layout.REPORTS / "curves.csv", index=False, float_format="%.6g")
        samples = {name: pd.read_parquet(layout.EVALUATION / name / "samples.parquet") for name in names}
        splits = json.loads((layout.SPLITS / "splits.json").read_text(encoding="utf-8"))
        sheet = layout.FACES / "contact_sheet.png"
        report.write(table, samples, splits, layout.REPORTS / "report.html", sheet)
        tracked.log_metrics({f"nomus.{row['model']}": row["nomus"] for row in table.to_dict("records")})
        tracked.log_artifact(layout.REPORTS / "comparison.csv")
        tracked.log_artifact(layout.REPORTS / "report.html")
    typer.echo(comparison.render(table))


def _curve(method: str) -> pd.DataFrame:
    """Step and loss of a method, with its name, for `dvc plots`; no row where it trains nothing (SSD)."""
    history = pd.read_csv(layout.MODELS / method / "history.csv")
    return history.reindex(columns=["step", "loss"]).dropna().assign(method=method)


if __name__ == "__main__":
    run(main)
