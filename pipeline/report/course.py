"""The course of unlearning: DLFD's transport cost, forgetting score and accuracy along its pass; any model's loss."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from pipeline.report import charts
from pipeline.report.section import Section
from pipeline.report.stored import Stored

QUANTITIES = {  # of history.csv: title and name of the axis
    "ot_cost": ("Transport cost", "OT cost of features"),
    "forgetting_score": ("Forgetting score", "forgetting score (0 is best)"),
    "accuracy": ("Accuracy", "accuracy on the batch"),
}
POINTS = 400  # at most of a curve, evenly spread: more than a screen can tell apart


def section(stored: Stored) -> Section:
    curves = [_loss(stored.histories[name]).assign(model=name) for name in stored.models]
    chart = charts.specification(_loss_chart(), "Loss along training or unlearning")
    drawn, data = {"loss_curve": chart}, {"loss_curve": pd.concat(curves, ignore_index=True)}
    without = [name for name, curve in zip(stored.models, curves, strict=True) if curve.empty]
    values: dict[str, Any] = {"models": stored.models, "without": without, "pass": None}
    if "dlfd" in stored.methods and "step" in (history := stored.histories["dlfd"]):
        long = distancing(history)
        stop = stopped(history)
        present = [name for name in QUANTITIES if name in set(long["quantity"])]
        settings = stored.infos["dlfd"].get("settings", {})
        threshold = settings.get("forgetting_threshold")
        for name in present:
            limit = threshold if name == "forgetting_score" else None
            pass_chart = _pass_chart(name, float(history["step"].max()), stop, limit)
            drawn[f"pass_{name}"] = charts.specification(pass_chart, f"{QUANTITIES[name][1]} along the pass of DLFD")
        data["pass"] = long
        values["pass"] = {
            "titles": {name: QUANTITIES[name][0] for name in present},
            "stop": stop,
            "steps": len(history),
            "note": stored.infos["dlfd"].get("note", ""),
            "pushed": bool(history.get("distancing", pd.Series(dtype=float)).any()),
            "threshold": threshold,
            "cost": settings.get("cost"),
            "following": settings.get("distillation_weight", 0) > 0,
            "matching": settings.get("matching_weight", 0) > 0,
        }
    return Section(values, drawn, data)


def distancing(history: pd.DataFrame) -> pd.DataFrame:
    """Long form of QUANTITIES: columns quantity, step, value; what is no finite number is left out."""
    parts = [
        thinned(history[["step", name]].rename(columns={name: "value"})).assign(quantity=name)
        for name in QUANTITIES
        if name in history
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["step", "value", "quantity"])


def stopped(history: pd.DataFrame) -> float | None:
    """The step at which DLFD ceased to push pictures; None where it never pushed or never ceased."""
    if "distancing" not in history:
        return None
    pushes = history["distancing"].fillna(0).to_numpy() > 0
    last = int(np.flatnonzero(pushes)[-1]) if pushes.any() else len(pushes)
    return float(history["step"].iloc[last + 1]) if last + 1 < len(pushes) else None


def thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """The finite rows of a curve, at most POINTS of them, the first and the last among them."""
    sound = curve[np.isfinite(curve.to_numpy()).all(axis=1)]
    rows = np.unique(np.linspace(0, len(sound) - 1, min(len(sound), POINTS)).round().astype(int))
    return sound.iloc[rows].reset_index(drop=True)


def _loss(history: pd.DataFrame) -> pd.DataFrame:
    """Columns step and value; of a training from scratch the epoch stands for the step. Empty where nothing trains."""
    along = "step" if "step" in history else "epoch"
    found = history.reindex(columns=[along, "loss"]).astype(float).set_axis(["step", "value"], axis=1)
    return thinned(found)


def _loss_chart() -> alt.Chart:
    x = alt.X("step:Q", title="optimiser step (original, retrained: epoch)").axis(tickMinStep=1, format="d")
    y = alt.Y("value:Q", title="training loss (nats)").scale(zero=False)
    tooltip = [alt.Tooltip("step:Q"), alt.Tooltip("value:Q", format=".3f", title="loss")]
    line = alt.Chart(charts.named("loss_curve")).mark_line(color=charts.BLUE, point={"size": 20, "color": charts.BLUE})
    return charts.of_chosen_model(line.encode(x, y, tooltip=tooltip)).properties(width="container", height=240)


def _pass_chart(quantity: str, last: float, stop: float | None, limit: float | None) -> alt.TopLevelMixin:
    x = (
        alt.X("step:Q", title="optimiser step")
        .scale(domain=[0, max(last, 1)], nice=False)
        .axis(tickMinStep=1, format="d")
    )
    title = QUANTITIES[quantity][1]
    y = alt.Y("value:Q", title=title).scale(zero=quantity != "accuracy")
    tooltip = [alt.Tooltip("step:Q"), alt.Tooltip("value:Q", format=".4g", title=title)]
    base = alt.Chart(charts.named("pass")).transform_filter(alt.datum.quantity == quantity)
    layers: list[alt.Chart] = [
        base.mark_line(color=charts.GREEN, point={"size": 20, "color": charts.GREEN}).encode(x, y, tooltip=tooltip)
    ]
    if limit is not None:
        threshold = alt.Chart(alt.Data(values=[{"value": limit}]))
        layers.append(threshold.mark_rule(strokeDash=[2, 2], opacity=0.7).encode(y="value:Q"))
    if stop is not None:
        mark = alt.Chart(alt.Data(values=[{"step": stop, "told": "pushing stopped"}])).encode(x="step:Q")
        layers.append(mark.mark_rule(strokeDash=[6, 3], color=charts.VERMILION, strokeWidth=2))
        layers.append(mark.mark_text(baseline="bottom").encode(y=alt.value(-3), text="told:N"))
    return alt.layer(*layers).properties(width="container", height=200, padding={"top": 22})
