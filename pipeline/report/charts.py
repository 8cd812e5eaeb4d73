"""What all charts share: colours, the look in light, dark and print, their data, the JavaScript that draws them.

Charts are Altair's, so Vega-Lite. `currentColor` is the page's text colour, whatever that is.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

INK = "currentColor"
# Okabe & Ito: safe for colour-blind eyes. Their yellow is lost on white paper; their black is the ink.
ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE, GREY = (
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#0072b2",
    "#d55e00",
    "#cc79a7",
    "#8c8c8c",
)
LABEL_COLOURS = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, GREY, INK)
LABEL_SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
SUBSETS = ("forget", "unseen", "retain")
SUBSET_COLOURS = (VERMILION, BLUE, GREY)
SUBSET_SHAPES = ("triangle-up", "circle", "square")
SUBSET_DASHES = ([1, 0], [7, 3], [2, 2])
CHOSEN = "model"  # parameter of charts that show one model at a time
DIGITS = 5  # significant ones in a chart's data

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        **dict.fromkeys(("labelColor", "titleColor", "tickColor", "domainColor", "gridColor"), INK),
        "gridOpacity": 0.12,
        "domainOpacity": 0.5,
        "tickOpacity": 0.5,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "tickCount": 6,
    },
    "legend": {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "orient": "top", "title": None, "columns": 4},
    "text": {"color": INK, "fontSize": 12},
    "rule": {"color": INK},
}


def named(name: str) -> alt.NamedData:
    """Data that a section gives under this name (`Section.data`)."""
    return alt.NamedData(name=name)


def of_chosen_model(chart: alt.Chart) -> alt.Chart:
    """Only the rows whose `model` is the chosen one."""
    chosen = alt.param(name=CHOSEN, value="")
    return chart.add_params(chosen).transform_filter(alt.datum.model == chosen)


def specification(chart: alt.TopLevelMixin, description: str) -> dict[str, Any]:
    """Vega-Lite of a chart as wide as its place on the page.

    Args:
        chart: of one view, or layers of it.
        description: what a screen reader says of it.
    """
    told: dict[str, Any] = chart.to_dict()
    told.pop("config", None)  # Altair's own size of a view
    return {"autosize": {"type": "fit-x", "contains": "padding"}, **told, "description": description, "config": CONFIG}


def columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    """A table for a chart, by column: floats rounded, None for what is no finite number."""
    return {str(name): _values(table[name]) for name in table}


@functools.cache
def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed with all they need, about 0.9 MB, as the global `vegaEmbed`."""
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def png(specification: Mapping[str, Any], data: Mapping[str, pd.DataFrame], width: int, scale: float = 2) -> bytes:
    """A chart as a picture on white, for pages that cannot run JavaScript."""
    import vl_convert

    datasets = {name: table.to_dict("records") for name, table in data.items()}
    config = {**specification["config"], "background": "white"}
    told = {**specification, "width": width, "datasets": datasets, "config": config}
    return bytes(vl_convert.vegalite_to_png(told, scale=scale))


def _values(column: pd.Series) -> list[Any]:
    if not pd.api.types.is_float_dtype(column):
        return list(column.tolist())
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in column]
