"""Accuracy against forgetting: one point a model, with intervals and labels that do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from pipeline.evaluation.scores import forgetting_score
from pipeline.report import charts
from pipeline.report.section import Section
from pipeline.report.stored import Stored

ROLES = ("original", "retrained (oracle)", "accepted", "other method")
COLOURS = (charts.VERMILION, charts.BLUE, charts.GREEN, charts.GREY)
STAR = "M0,-1.6L0.35,-0.5L1.5,-0.5L0.58,0.19L0.94,1.3L0,0.61L-0.94,1.3L-0.58,0.19L-1.5,-0.5L-0.35,-0.5Z"
SHAPES = ("square", STAR, "diamond", "circle")
HEIGHT, WIDTH = 380, 640  # of the picture, in pixels; on the page it is as wide as there is room
LINE = 17  # pixels between two labels


def section(stored: Stored) -> Section:
    found = points(stored)
    missing = sorted(set(stored.models) - set(found["model"]))
    return Section({"missing": missing}, {"trade_off": specification(found)}, {"trade_off": found})


def png(stored: Stored) -> bytes:
    """The picture alone, for docs/images/."""
    found = points(stored)
    return charts.png(specification(found), {"trade_off": found}, WIDTH)


def specification(found: pd.DataFrame) -> dict[str, Any]:
    """Vega-Lite of `points`, which it names `trade_off`."""
    described = "Test accuracy against forgetting score, one point a model; to the upper left is better"
    return charts.specification(chart(found), described)


def points(stored: Stored) -> pd.DataFrame:
    """A row a model with both figures, their 95 % intervals, its role, and where its label stands (`label_at`)."""
    table = stored.table.set_index("model")
    rows = []
    for name, row in table.iterrows():
        low, high = score_interval(row["mia_interval_low"], row["mia_interval_high"])
        accuracy_low, accuracy_high = stored.accuracy_intervals[str(name)]
        rows.append(
            {
                "model": name,
                "role": _role(str(name), stored.decision.accepted),
                "score": row["forgetting_score"],
                "score_low": low,
                "score_high": high,
                "accuracy": row["test_accuracy"],
                "accuracy_low": accuracy_low,
                "accuracy_high": accuracy_high,
            }
        )
    return labelled(pd.DataFrame(rows))


def labelled(found: pd.DataFrame) -> pd.DataFrame:
    """What can be shown of models' figures, and where their labels stand (`label_at`)."""
    found = found.dropna(subset=["score", "accuracy"]).reset_index(drop=True)
    low, high = domain(found)
    pixels = (high - found["accuracy"]) / (high - low) * height(len(found))
    places = spread(pixels.to_numpy(), LINE, height(len(found))) / height(len(found))
    return found.assign(label_at=high - places * (high - low))


def score_interval(low: float, high: float) -> tuple[float, float]:
    """Ends of 2·|x − .5| for x between two attack accuracies; NaN for NaN."""
    ends = forgetting_score(low), forgetting_score(high)
    return (0.0 if low <= 0.5 <= high else min(ends)), max(ends)


def spread(places: np.ndarray, gap: float, length: float) -> np.ndarray:
    """Move places [N] as little as possible (least squares) so that any two are `gap` apart and all in [0, length].

    Where there is no room for all, they go on beyond the end.
    """
    from scipy.optimize import isotonic_regression

    if not len(places):
        return places
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(places))
    moved = isotonic_regression(places[order] - steps).x.clip(0, max(length - steps[-1], 0)) + steps
    result = np.empty(len(places))
    result[order] = moved
    return result


def height(models: int) -> int:
    """Of the picture, in pixels: room for a label a model."""
    return max(HEIGHT, models * LINE)


def domain(found: pd.DataFrame) -> tuple[float, float]:
    """Of the accuracy axis: all intervals and a little air."""
    ends = found[["accuracy", "accuracy_low", "accuracy_high"]].to_numpy()
    low, high = (float(np.nanmin(ends)), float(np.nanmax(ends))) if ends.size else (0.0, 1.0)
    air = 0.05 * (high - low) or 0.05
    return low - air, high + air


def chart(found: pd.DataFrame, roles: Sequence[str] = ROLES) -> Any:
    """Layers, of the rows of `labelled`; `roles` are the values of their `role`, in the order of COLOURS."""
    base = alt.Chart(charts.named("trade_off"))
    low, high = domain(found)
    x = alt.X("score:Q", title="forgetting score (0 is best)").scale(zero=True, nice=True)
    y = alt.Y("accuracy:Q", title="test accuracy").scale(domain=[low, high], nice=False).axis(format=".2f")
    legend = alt.Legend(orient="bottom", columns=2, symbolOpacity=1, symbolSize=80, labelOffset=8)
    colour = alt.Color("role:N", legend=legend).scale(domain=list(roles), range=list(COLOURS))
    shape = alt.Shape("role:N", legend=legend).scale(domain=list(roles), range=list(SHAPES))
    right = alt.value("width")
    leaders = base.mark_rule(opacity=0.3, strokeDash=[2, 2]).encode(x=x, y=y, x2=right, y2="label_at:Q")
    across = base.mark_rule(opacity=0.7).encode(alt.X("score_low:Q"), alt.Y("accuracy:Q"), colour, x2="score_high:Q")
    upright = base.mark_rule(opacity=0.7).encode(
        alt.X("score:Q"), alt.Y("accuracy_low:Q"), colour, y2="accuracy_high:Q"
    )
    dots = base.mark_point(filled=True, size=130, opacity=1).encode(x, y, colour, shape, tooltip=_tooltip())
    names = base.mark_text(align="left", baseline="middle", dx=6).encode(x=right, y="label_at:Q", text="model:N")
    layers = alt.layer(leaders, across, upright, dots, names)
    return layers.properties(width="container", height=height(len(found)))


def _tooltip() -> list[alt.Tooltip]:
    figures = ("accuracy", "accuracy_low", "accuracy_high", "score", "score_low", "score_high")
    return [alt.Tooltip("model:N"), *(alt.Tooltip(f"{name}:Q", format=".3f") for name in figures)]


def _role(name: str, accepted: str | None) -> str:
    return {"original": ROLES[0], "retrained": ROLES[1], accepted: ROLES[2]}.get(name, ROLES[3])
