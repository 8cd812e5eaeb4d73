"""The page of made-up results, and what is in it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import tiny_report as tiny

from pipeline import layout
from pipeline.report import charts, page

VOID = {"meta", "link", "img", "br", "hr", "input"}


def write(names: tuple[str, ...] = ("finetune", "dlfd"), task: str = "age", **made: Any) -> str:
    """The page of made-up results, without the JavaScript of others."""
    tiny.make(names, task=task, **made)
    path = layout.REPORTS / "report.html"
    page.write(tiny.read(names, task=task), path)
    html = path.read_text(encoding="utf-8")
    assert html.count(charts.javascript()) == 1
    return html.replace(charts.javascript(), "")


def embedded(html: str, name: str) -> dict[str, Any]:
    """A JSON island; it must not hold what JSON does not know (NaN)."""
    (found,) = re.findall(rf'<script type="application/json" id="{name}">(.*?)</script>', html)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in the data of the charts")

    told: dict[str, Any] = json.loads(found, parse_constant=refuse)
    return told


class Elements(HTMLParser):
    """Everything that a page opens, its attributes, its words, and whether all is closed again."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.words += " " if tag in ("td", "th") else ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words += data


def words(html: str) -> str:
    return " ".join(Elements(html).words.split())
