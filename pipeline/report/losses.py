"""Losses of forgotten, never-seen and retained pictures, of any model beside the oracle (the paper's Figures 5, 6)."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from pipeline.evaluation import verdict
from pipeline.report import charts
from pipeline.report.section import Section
from pipeline.report.stored import Stored

EDGES = np.linspace(-5, 1.5, 40)  # log10 of the loss in nats; what lies beyond counts for the first or last bin
WORDS = {
    verdict.REMEMBERS: "The audits say that it remembers: forgotten pictures lie to the left of never-seen ones of the "
    "same difficulty.",
    verdict.OVER_FORGOTTEN: "Over-forgotten: forgotten pictures lie to the right of never-seen ones of the same "
    "difficulty. Nobody is that wrong about a stranger: this gives them away as well (the paper's Figure 6).",
    verdict.FORGOTTEN: "The audits show no trace: forgotten pictures lie about where never-seen ones of the same "
    "difficulty do.",
}


def section(stored: Stored) -> Section:
    data = histograms(stored)
    words = {name: _words(stored, name) for name in stored.models}
    described = "Distribution of the loss of forgotten, never-seen and retained pictures"
    chart = charts.specification(_chart(_top(data)), described)
    return Section({"models": stored.models, "words": words}, {"losses": chart}, {"losses": data})


def histograms(stored: Stored) -> pd.DataFrame:
    """`histogram` of every model, with the column model."""
    return pd.concat([histogram(stored.samples[name]).assign(model=name) for name in stored.models], ignore_index=True)


def histogram(samples: pd.DataFrame) -> pd.DataFrame:
    """Columns subset, low (left edge of a bin, log10 nats) and share (of the subset's pictures, %) over EDGES.

    Losses that are no numbers are left out; where none remains all shares are 0. The last row of each subset closes
    the curve.
    """
    parts = []
    for subset in charts.SUBSETS:
        losses = samples.loc[samples["subset"] == subset, "loss"].dropna().clip(10 ** EDGES[0], 10 ** EDGES[-1])
        counts = np.histogram(np.log10(losses).clip(EDGES[0], EDGES[-1]), EDGES)[0]
        share = np.r_[100 * counts / max(len(losses), 1), 0.0]
        parts.append(pd.DataFrame({"subset": subset, "low": EDGES, "share": share}))
    return pd.concat(parts, ignore_index=True)


def _words(stored: Stored, name: str) -> str:
    samples = stored.samples[name]
    medians = samples.groupby("subset")["loss"].median().reindex(charts.SUBSETS).dropna()
    told = ", ".join(f"{subset} {value:.2f}" for subset, value in medians.items())
    said = WORDS.get(str(stored.metrics[name]["verdict"]), "")
    broken = int((~np.isfinite(samples["loss"])).sum())
    lost = f" {broken} losses are no finite numbers: the model is broken." if broken else ""
    return f"{said} Median loss in nats: {told or 'none'}.{lost}".strip()


def _top(data: pd.DataFrame) -> float:
    """Upper end of the axis of shares, the same for all models; at most three times what the oracle needs."""
    oracle = data.loc[data["model"] == "retrained", "share"].max()
    return float(min(data["share"].max(), 3 * oracle) or 100.0)


def _chart(top: float) -> alt.Chart:
    x = alt.X("low:Q", title="loss in nats (logarithmic)").scale(domain=[EDGES[0], EDGES[-1]], nice=False)
    x = x.axis(values=[-5, -4, -3, -2, -1, 0, 1], labelExpr="format(pow(10, datum.value), '~g')")
    y = alt.Y("share:Q", title="share of pictures (%)").stack(None).scale(domain=[0, top])
    legend = alt.Legend(symbolType="stroke", symbolStrokeWidth=3, symbolSize=300)
    colour = alt.Color("subset:N", legend=legend).scale(domain=list(charts.SUBSETS), range=list(charts.SUBSET_COLOURS))
    dash = alt.StrokeDash("subset:N", legend=legend).scale(
        domain=list(charts.SUBSETS), range=list(charts.SUBSET_DASHES)
    )
    tooltip = [alt.Tooltip("subset:N"), alt.Tooltip("share:Q", format=".1f", title="share (%)")]
    line = alt.Chart(charts.named("losses")).mark_line(interpolate="step-after", strokeWidth=2, clip=True)
    drawn = line.encode(x, y, colour, dash, tooltip=tooltip)
    return charts.of_chosen_model(drawn).properties(width="container", height=240)
