"""reports/report.html: one self-contained page from stored results; no model is loaded, no network needed."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

COLOURS = {"forget": "#d55e00", "unseen": "#0072b2", "retain": "#999999"}  # Okabe & Ito: safe for colour-blind eyes


def write(
    table: pd.DataFrame, samples: dict[str, pd.DataFrame], splits: dict[str, Any], path: Path, sheet: Path
) -> None:
    """Write the page.

    Args:
        table: as `pipeline.comparison.compare` gives it.
        samples: name -> per-sample results, for the loss histograms.
        splits: the split stage's summary: protocol, counts, warnings.
        path: of the page.
        sheet: contact sheet of synthetic faces; shown where the file exists. Real data has none: pictures of real
            people do not belong into a report.
    """
    from jinja2 import Environment, PackageLoader, select_autoescape

    page = Environment(loader=PackageLoader("pipeline"), autoescape=select_autoescape())
    html = page.get_template("report.html").render(
        rows=table.to_dict("records"),
        trade_off=_embedded(trade_off(table)),
        histograms=_embedded(loss_histograms(samples)),
        sheet=_data_url(sheet.read_bytes()) if sheet.exists() else None,
        splits=splits,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")


def trade_off(table: pd.DataFrame) -> Any:
    """Figure: test accuracy against attack accuracy, one point a model, the oracle marked; of those that have one."""
    figure, axes = _figure(6.4, 4.2)
    shown = table.dropna(subset=["mia_accuracy"])
    if shown.empty:
        told = "too few persons for the accuracy of an attack:\nsee persons.csv of each model"
        axes.text(0.5, 0.5, told, ha="center", transform=axes.transAxes)
    for row in shown.to_dict("records"):
        marker = {"original": "s", "retrained": "*"}.get(row["model"], "o")
        spread = [
            [row["mia_accuracy"] - row["mia_interval_low"]],
            [row["mia_interval_high"] - row["mia_accuracy"]],
        ]
        axes.errorbar(row["mia_accuracy"], row["test_accuracy"], xerr=np.clip(spread, 0, None), fmt=marker, ms=8, lw=1)
        axes.annotate(
            row["model"], (row["mia_accuracy"], row["test_accuracy"]), xytext=(6, 6), textcoords="offset points"
        )
    axes.axvline(0.5, color="#777777", lw=1, ls=":")
    axes.set(xlabel="membership attack, balanced accuracy (0.5 = guess)", ylabel="test accuracy", title="Trade-off")
    return figure


def loss_histograms(samples: dict[str, pd.DataFrame]) -> Any:
    """Figure: distribution of per-sample losses on forget and unseen, one panel a model (the paper's Figure 5)."""
    columns = min(3, len(samples))
    rows = -(-len(samples) // columns)
    figure, grid = _figure(3.4 * columns, 2.4 * rows, rows, columns)
    panels = np.atleast_1d(grid).ravel()
    for axes, (name, frame) in zip(panels, samples.items(), strict=False):
        for subset in ("forget", "unseen"):
            losses = np.log10(frame.loc[frame["subset"] == subset, "loss"].clip(lower=1e-5))
            axes.hist(
                losses, bins=np.linspace(-5, 1.5, 40), density=True, alpha=0.55, color=COLOURS[subset], label=subset
            )
        axes.set(title=name, xlabel="log10 loss (nats)", yticks=[])
    panels[0].legend(frameon=False)
    for axes in panels[len(samples) :]:
        axes.set_axis_off()
    return figure


def _figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # no pyplot: no display, no global state

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns)


def _embedded(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return _data_url(buffer.getvalue())


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
