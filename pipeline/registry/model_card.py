"""The model card of a registered version (after Mitchell et al., "Model Cards for Model Reporting", 2019).

What it is, on which data, who is forgotten (by count), figures beside the original's and the oracle's, verdict, limits,
intended use, how to load it: filled in from what the stages left, and kept with the version in MLflow.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import layout, stored_json
from pipeline.config import Params
from pipeline.data import tasks
from pipeline.evaluation import verdict
from pipeline.evaluation.metrics import accuracy_interval
from pipeline.tracking import tracking_store

FILE = "model_card.md"
LONGEST = 5000  # characters of a version's description in MLflow's databases
SAID = {
    verdict.REMEMBERS: "**The audits can still tell forgotten persons from never-seen ones.** The gate chose on "
    "validation, before they were asked; think twice before this goes into service.",
    verdict.OVER_FORGOTTEN: "**Forgotten persons stand out by losses greater than a stranger's**, which gives them "
    "away as well. The gate chose on validation, before they were asked; think twice before this goes into service.",
    verdict.FORGOTTEN: "The audits show no trace of the forgotten persons. What they do not exclude is the interval of "
    "the deciding attack, above.",
    verdict.TOO_FEW: "Too few persons are forgotten to say anything of them as a whole: look at the rank of each in "
    "workspace/evaluation.",
}


def render(name: str, number: int, folder: Path, metrics: Mapping[str, Any], params: Params) -> str:
    """The card as Markdown.

    Args:
        name, number: of the registered version.
        folder: the model folder.
        metrics: of the model; those of original and retrained are read from `layout.METRICS`.
        params: of the run.

    Raises:
        DataError: model.json, splits.json or the metrics of one of layout.TRAINED are missing or damaged.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    info = stored_json.read_json(folder / "model.json")
    splits = stored_json.read_json(layout.SPLITS / "splits.json")
    compared = {folder.name: metrics, **stored_json.read_metrics(layout.METRICS, list(layout.TRAINED))}
    templates = Environment(
        loader=PackageLoader("pipeline", "templates"), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )
    return templates.get_template(FILE).render(
        name=name,
        number=number,
        info=info,
        several=tasks.is_multi_label(info["task"]),
        splits=splits,
        counts=", ".join(f"{count} {subset}" for subset, count in splits["counts"].items()),
        rows=_rows(compared, params),
        metrics=metrics,
        said=SAID.get(metrics["verdict"], ""),
        wrong=round(100 * (1 - metrics["test_accuracy"])),
        figure=_figure,
    )


def attach(name: str, number: int, folder: Path, metrics: Mapping[str, Any], params: Params) -> None:
    """Keep the card with a registered version: as its description, and as an artifact of its logged model.

    Raises:
        DataError: see `render`.
        TrackingError: MLflow cannot be reached or refuses.
    """
    card = render(name, number, folder, metrics, params)
    store = tracking_store.connect()

    def work() -> None:
        found = store.client.get_model_version(name, str(number))
        store.client.update_model_version(name, str(number), description=card[:LONGEST])
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / FILE
            path.write_text(card, encoding="utf-8")
            store.client.log_model_artifact(str(found.source).rpartition("/")[2], str(path))

    store.call(work)


def _rows(compared: Mapping[str, Mapping[str, Any]], params: Params) -> list[tuple[str, list[str]]]:
    """Title and a cell for each model."""
    tested = {name: _accuracy_interval(name, params) for name in compared}
    figures = {
        "test accuracy": lambda name, of: _figure(of["test_accuracy"], *tested[name]),
        "accuracy on the forgotten": lambda name, of: _figure(of["forget_accuracy"]),
        "attack on losses (MIA), accuracy": lambda name, of: _figure(
            of["mia_accuracy"], of["mia_interval_low"], of["mia_interval_high"]
        ),
        "deciding attack, AUC": lambda name, of: (
            f"{of['strongest_attack']} "
            + _figure(of["strongest_auc"], of["strongest_auc_low"], of["strongest_auc_high"])
        ),
        "forgetting score": lambda name, of: _figure(of["forgetting_score"]),
        "NoMUS": lambda name, of: _figure(of["nomus"]),
        "forgotten persons found at 1 % false alarms": lambda name, of: (
            f"{of['persons_detected']:.0f} of {of['persons_audited']:.0f}"
        ),
        "seconds to make": lambda name, of: f"{of['seconds']:.0f}",
    }
    return [(title, [cell(name, of) for name, of in compared.items()]) for title, cell in figures.items()]


def _accuracy_interval(name: str, params: Params) -> tuple[float, float]:
    """Of the test accuracy; no numbers where the results of single pictures are not at hand."""
    path = layout.EVALUATION / name / "samples.parquet"
    if not path.is_file():
        return math.nan, math.nan
    return accuracy_interval(pd.read_parquet(path), params.evaluate.bootstrap, params.seed)


def _figure(value: float, low: float = math.nan, high: float = math.nan) -> str:
    if math.isnan(value):
        return "–"  # of few persons
    return f"{value:.3f}" + ("" if math.isnan(low) else f" [{low:.3f}, {high:.3f}]")
