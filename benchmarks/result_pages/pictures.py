"""The picture of a table: accuracy against forgetting score, a mark a method and a small one for each of its seeds.

A method has the same colour and shape in every picture; the names at the right have them too, at the height of their
marks as far as there is room, so that no line need lead from one to the other.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from pipeline import config
from pipeline.report import charts, trade_off

ALT = "Test accuracy against forgetting score: a mark a method, joined to its seeds"
WIDTH = 640  # in pixels, of the axes
BLACK = "#000000"
KNOWN = {  # label -> colour and shape
    "original": (BLACK, "square"),
    "retrained": (BLACK, trade_off.STAR),
    "dlfd": (charts.VERMILION, "diamond"),
}
SHAPES = ("circle", "triangle-up", "square", "triangle-down")
COLOURS = (charts.BLUE, charts.ORANGE, charts.GREEN, charts.PURPLE, charts.SKY, charts.GREY)


def write(table: pd.DataFrame, path: Path) -> None:
    """Draw the cells of a table (`benchmarks.kept_tables.cells`) as PNG."""
    names = {"label": "model", "forgetting_score": "score", "test_accuracy": "accuracy"}
    seeds = table[list(names)].rename(columns=names)
    mean = seeds.groupby("model", sort=False)[["score", "accuracy"]].mean()
    seeds = seeds.join(mean.add_prefix("mean_"), on="model")
    mean["accuracy_low"], mean["accuracy_high"] = seeds["accuracy"].min(), seeds["accuracy"].max()  # of all: the axis
    found = trade_off.labelled(mean.reset_index())
    found = found.sort_values("model", key=lambda name: ~name.isin(KNOWN), kind="stable")  # large ones below
    told = charts.specification(_chart(found, looks(found["model"].tolist())), ALT)
    path.write_bytes(charts.png(told, {"models": found, "seeds": seeds}, WIDTH, scale=1.5))


def looks(labels: list[str]) -> dict[str, tuple[str, str]]:
    """Colour and shape of every label; no two are alike.

    Of a method they are the same in every picture; the parts of DLFD, which stand in pictures of their own, take theirs
    in order.
    """
    free = [(colour, shape) for shape, colour in product(SHAPES, COLOURS)]
    methods = [name for name in config.method_names() if name not in KNOWN]
    if not set(labels) <= {*KNOWN, *methods}:
        methods = [name for name in labels if name not in KNOWN]
    return {**KNOWN, **dict(zip(methods, free, strict=False))}


def _chart(found: pd.DataFrame, look: dict[str, tuple[str, str]]) -> Any:
    models = found["model"].tolist()
    low, high = trade_off.domain(found)
    x = alt.X("score:Q", title="forgetting score, 2·|MIA − .5|").scale(zero=True, nice=True)
    y = alt.Y("accuracy:Q", title="test accuracy").scale(domain=[low, high], nice=False).axis(format=".2f")
    colours, shapes = zip(*(look[name] for name in models), strict=True)
    colour = alt.Color("model:N", legend=None).scale(domain=models, range=list(colours))
    shape = alt.Shape("model:N", legend=None).scale(domain=models, range=list(shapes))
    seeds, means = alt.Chart(charts.named("seeds")), alt.Chart(charts.named("models"))
    spokes = seeds.mark_rule(opacity=0.45).encode(x, y, colour, x2="mean_score:Q", y2="mean_accuracy:Q")
    each = seeds.mark_point(filled=True, size=30, opacity=0.6).encode(x, y, colour, shape)
    size = alt.condition(alt.FieldOneOfPredicate("model", list(KNOWN)), alt.value(300), alt.value(130))
    marks = means.mark_point(filled=True, opacity=1, stroke="white", strokeWidth=0.8).encode(
        x, y, colour, shape, size=size
    )
    beside = alt.Y("label_at:Q").scale(domain=[low, high], nice=False)
    key = means.mark_point(filled=True, size=90, opacity=1, xOffset=14).encode(
        beside, colour, shape, x=alt.value("width")
    )
    names = means.mark_text(align="left", baseline="middle", dx=26).encode(
        x=alt.value("width"), y=beside, text="model:N"
    )
    layers = alt.layer(spokes, each, marks, key, names)
    return layers.properties(width="container", height=trade_off.height(len(found)))
