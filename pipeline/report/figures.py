"""The charts of the page as PNG files, for MLflow, which shows pictures beside a run."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.progress import progress
from pipeline.report import charts
from pipeline.report.section import Section
from pipeline.report.stored import Stored

WIDTH = 560  # pixels; the files have twice as many
OF_EVERY_MODEL = ("losses",)  # of other charts that follow the page's choice: the model that is shown first


def write(stored: Stored, sections: Mapping[str, Section], folder: Path) -> list[Path]:
    """Draw every chart of the sections into `folder`.

    Returns:
        The files: `<chart>.png`, or `<chart>-<model>.png` where a chart is of one model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [
        (section, name, model)
        for section in sections.values()
        for name, specification in section.charts.items()
        for model in _models(stored, name, specification)
    ]
    written = []
    with progress("figures for MLflow", len(wanted), "figures") as advance:
        for section, name, model in wanted:
            path = folder / f"{name}-{model}.png" if model else folder / f"{name}.png"
            path.write_bytes(charts.png(_of(section.charts[name], model), section.data, WIDTH))
            written.append(path)
            advance()
    return written


def _models(stored: Stored, name: str, specification: Mapping[str, Any]) -> list[str]:
    """Those that a chart is drawn of; an empty name where it shows all at once."""
    if all(parameter["name"] != charts.CHOSEN for parameter in specification.get("params", [])):
        return [""]
    return stored.models if name in OF_EVERY_MODEL else [stored.shown_first]


def _of(specification: Mapping[str, Any], model: str) -> dict[str, Any]:
    told = copy.deepcopy(dict(specification))
    for parameter in told.get("params", []):
        if parameter["name"] == charts.CHOSEN:
            parameter["value"] = model
    title = {"text": told["description"], "subtitle": model, "anchor": "start", "fontSize": 12, "subtitleFontSize": 12}
    return {**told, "title": title}
