"""The page as a whole: its sections in order, the data of their charts, one file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import pages
from pipeline.progress import progress
from pipeline.report import (
    answer,
    charts,
    course,
    faces,
    features,
    losses,
    methods,
    persons,
    provenance,
    pushed,
    trade_off,
)
from pipeline.report.section import Section
from pipeline.report.stored import Stored

# name -> what makes the section; its template is pipeline/templates/report/<name>.html
SECTIONS: dict[str, Callable[[Stored], Section]] = {
    "answer": answer.section,
    "methods": methods.section,
    "trade_off": trade_off.section,
    "losses": losses.section,
    "features": features.section,
    "pushed": pushed.section,
    "course": course.section,
    "persons": persons.section,
    "provenance": provenance.section,
    "faces": faces.section,
}
HEADING = re.compile(r'<h2 id="(\w+)">(.+?)</h2>')  # of a section, for the page's contents


def write(stored: Stored, path: Path) -> dict[str, Section]:
    """Write the page.

    Returns:
        Its sections, by name.

    Raises:
        DataError: features of a model are missing or damaged.
    """
    sections = {}
    with progress("report page", len(SECTIONS), "sections") as advance:
        for name, make in SECTIONS.items():
            advance(0, name)
            sections[name] = make(stored)
            advance()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_html(sections, stored), encoding="utf-8")
    return sections


def _html(sections: dict[str, Section], stored: Stored) -> str:
    from markupsafe import Markup

    templates = pages.templates("report")
    specifications: dict[str, Any] = {}
    data: dict[str, Any] = {}
    for one in sections.values():
        specifications |= one.charts
        data |= {name: charts.columns(table) for name, table in one.data.items()}
    choosers = templates.get_template("chooser.html").make_module({"names": stored.models, "first": stored.shown_first})
    chooser = choosers.chooser  # type: ignore[attr-defined]  # a macro of the template
    written = [
        templates.get_template(f"{name}.html").render(one.values, chooser=chooser) for name, one in sections.items()
    ]
    return templates.get_template("page.html").render(
        sections=[Markup(one) for one in written],
        contents=[(place, Markup(title)) for one in written for place, title in HEADING.findall(one)],
        charts=specifications,
        data=data,
        javascript=Markup(charts.javascript()),
    )
