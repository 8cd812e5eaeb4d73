"""What a section of the page is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Section:
    """A section.

    Attributes:
        values: what its template `pipeline/templates/report/<name>.html` is given.
        charts: name -> Vega-Lite specification; `<div class="chart" data-chart="<name>">` draws it. Where it has a
            parameter `model`, that is the model of the page's choosers, or the `data-model` of the element.
        data: name -> table, for the charts that name it (`charts.named`).
    """

    values: dict[str, Any] = field(default_factory=dict)
    charts: dict[str, dict[str, Any]] = field(default_factory=dict)
    data: dict[str, pd.DataFrame] = field(default_factory=dict)
