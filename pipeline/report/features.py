"""Feature space before and after unlearning, in one projection for all models, so that pictures can be compared.

Every model turns and stretches its features as it likes. Each model's are therefore moved onto the original's: centred
on the retain pictures, scaled to the same size, and rotated by orthogonal Procrustes (Schönemann, Psychometrika 1966)
on the retain pictures. All are seen in the plane of the original's first two principal components.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from pipeline.errors import DataError
from pipeline.evaluation.samples import Results
from pipeline.report import charts
from pipeline.report.section import Section
from pipeline.report.stored import Stored

PICTURES = 200  # at most, of each subset


@dataclass(frozen=True)
class Plane:
    """The original's retain features and the two directions in which they differ most.

    Attributes:
        retain: [R, D] centred.
        axes: [D, 2] orthonormal; each points where its greatest entry is positive.
        explained: share of the variance of `retain` along both, in [0, 1].
    """

    retain: np.ndarray
    axes: np.ndarray
    explained: float

    @classmethod
    def of(cls, retain: np.ndarray) -> Plane:
        """Of the original's features [R, D] of retain."""
        centred = np.asarray(retain, np.float64) - np.mean(retain, 0, dtype=np.float64)
        variances, directions = np.linalg.eigh(centred.T @ centred)
        axes = directions[:, :-3:-1]
        axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(2)])
        whole = variances.sum()
        return cls(centred, axes, float(variances[-2:].sum() / whole) if whole > 0 else 0.0)

    def moved(self, features: np.ndarray, retain: np.ndarray) -> tuple[np.ndarray, float]:
        """Move a model's features onto the original's and into the plane.

        Args:
            features: [M, D] of any pictures.
            retain: [R, D] of the same retain pictures, in the same order.

        Returns:
            Places [M, 2], NaN for features that are no numbers, and how many times larger than the original's the
            model's features are.
        """
        retain, features = np.asarray(retain, np.float64), np.asarray(features, np.float64)
        sound = np.isfinite(retain).all(1) & np.isfinite(self.retain).all(1)
        if sound.sum() < 2:
            return np.full((len(features), 2), np.nan), float("nan")
        own, target = retain[sound], self.retain[sound]
        centre = own.mean(0)
        size, wanted = np.linalg.norm(own - centre), np.linalg.norm(target)
        larger = float(size / wanted) if wanted > 0 and size > 0 else 1.0
        left, _, right = np.linalg.svd((own - centre).T @ target)
        return (features - centre) @ (left @ (right @ self.axes)) / larger, larger


def section(stored: Stored) -> Section:
    original = stored.results("original")
    chosen = sample(original.table, stored.params.seed)
    plane = Plane.of(_retain(original))
    about = pd.DataFrame(
        {
            "subset": original.table["subset"].to_numpy()[chosen],
            "label": [stored.labels[code] for code in original.table["label"].to_numpy()[chosen]],
        }
    )
    parts, larger = [], {}
    for name in stored.models:
        results = original if name == "original" else stored.results(name)
        if not results.table["image"].equals(original.table["image"]):
            raise DataError(f"{name} was evaluated on other pictures than the original model: run `dvc repro`")
        places, larger[name] = plane.moved(results.features[chosen], _retain(results))
        parts.append(about.assign(model=name, x=places[:, 0], y=places[:, 1]))
    data = pd.concat(parts, ignore_index=True).replace([np.inf, -np.inf], np.nan).dropna()
    known = [label for label in stored.labels if label in set(about["label"])]
    drawn = {"features_subset": _chart("subset", data), "features_label": _chart("label", data, known)}
    words = {name: _words(value) for name, value in larger.items()} | {"original": "The original itself."}
    values = {"models": stored.models, "words": words, "explained": plane.explained, "pictures": PICTURES}
    return Section({**values, "task": stored.params.task}, drawn, {"features": data})


def sample(table: pd.DataFrame, seed: int) -> np.ndarray:
    """Row numbers of at most PICTURES pictures of each subset that is drawn."""
    rng = np.random.default_rng([seed, 3])
    rows = [np.flatnonzero(table["subset"] == subset) for subset in charts.SUBSETS]
    return np.concatenate([np.sort(rng.permutation(one)[:PICTURES]) for one in rows])


def _retain(results: Results) -> np.ndarray:
    return results.features[(results.table["subset"] == "retain").to_numpy()]


def _words(larger: float) -> str:
    if not np.isfinite(larger):
        return "Its features are no numbers: the model is broken."
    return f"Its features are {larger:.2g} times as large as the original's; drawn at the same size."


def _chart(coloured_by: str, data: pd.DataFrame, labels: list[str] | None = None) -> dict[str, Any]:
    """Specification of the scatter plot whose colour and shape tell the subset or the label."""
    if labels is None:
        names, colours, shapes = list(charts.SUBSETS), list(charts.SUBSET_COLOURS), list(charts.SUBSET_SHAPES)
    else:
        names, colours, shapes = labels, list(charts.LABEL_COLOURS), list(charts.LABEL_SHAPES)
    x, y = (
        alt.X("x:Q", title="first principal component of the original").scale(domain=_range(data, "x"), clamp=True),
        alt.Y("y:Q", title="second principal component").scale(domain=_range(data, "y"), clamp=True),
    )
    picked = alt.selection_point(name="picked", fields=[coloured_by], bind="legend")
    drawn = (
        alt.Chart(charts.named("features"))
        .mark_point(filled=True, size=34)
        .encode(
            x.axis(labels=False, ticks=False),
            y.axis(labels=False, ticks=False),
            alt.Color(f"{coloured_by}:N").scale(domain=names, range=colours[: len(names)]),
            alt.Shape(f"{coloured_by}:N").scale(domain=names, range=shapes[: len(names)]),
            opacity=alt.when(picked).then(alt.value(0.75)).otherwise(alt.value(0.06)),
            tooltip=["subset:N", "label:N"],
        )
        .add_params(picked)
    )
    drawn = charts.of_chosen_model(drawn).properties(width="container", height=340)
    return charts.specification(drawn, f"Features of pictures in a plane, coloured by {coloured_by}")


def _range(data: pd.DataFrame, axis: str) -> list[float]:
    """Ends of an axis for all models: room for every point, but at most three times what the original takes."""
    if data.empty:
        return [-1.0, 1.0]
    own = data.loc[data["model"] == "original", axis]
    own = data[axis] if own.empty else own
    width = own.max() - own.min() or 1.0
    low, high = max(data[axis].min(), own.min() - width), min(data[axis].max(), own.max() + width)
    return [float(low - 0.03 * width), float(high + 0.03 * width)]
