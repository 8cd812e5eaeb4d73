from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_comparison import MODELS, figures

from pipeline import comparison, report

SPLITS = {"protocol": "person", "counts": {"retain": 120, "forget": 20}, "warnings": []}
VOID = {"meta", "link", "img", "br", "hr", "input"}


def samples(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"subset": ["forget", "unseen"] * 40, "loss": rng.exponential(1, 80)})


def page(folder: Path, models: dict[str, Any] = MODELS, sheet: Path | None = None, **splits: Any) -> str:
    path = folder / "reports/report.html"
    results = {name: samples(number) for number, name in enumerate(models)}
    report.write(comparison.compare(models), results, {**SPLITS, **splits}, path, sheet or folder / "none.png")
    return path.read_text(encoding="utf-8")


class Elements(HTMLParser):
    """Everything that a page opens, its attributes, and whether all is closed again."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    html = page(tmp_path)
    elements = Elements(html)
    assert elements.open == []
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in elements.found}
    for _, attributes in elements.found:
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert "url(" not in html
    assert "@import" not in html


def test_each_picture_is_a_sound_png_with_a_description(tmp_path: Path) -> None:
    pictures = [attributes for tag, attributes in Elements(page(tmp_path)).found if tag == "img"]
    assert len(pictures) == 2
    for number, picture in enumerate(pictures):
        assert picture["alt"]
        file = tmp_path / f"{number}.png"
        file.write_bytes(base64.b64decode(str(picture["src"]).removeprefix("data:image/png;base64,")))
        with Image.open(file) as image:
            assert min(image.size) > 100


def test_figures_stand_beside_their_model(tmp_path: Path) -> None:
    html = page(tmp_path, {**MODELS, "neggrad": figures(status="diverged")})
    rows = re.findall(r"<tr><td>(.+?)</td>.*?</tr>", html, re.DOTALL)
    assert rows == ["original", "retrained", "dlfd", "neggrad (diverged)"]
    assert "0.400 [0.40, 0.60]" in html
    assert "120 retain, 20 forget pictures" in " ".join(html.split())


def test_of_few_persons_the_page_says_why_there_is_no_trade_off(tmp_path: Path) -> None:
    none = dict.fromkeys(("mia_accuracy", "mia_interval_low", "mia_interval_high", "nomus"), float("nan"))
    models = {name: {**metrics, **none} for name, metrics in MODELS.items()}
    html = page(tmp_path, models)
    assert "nan" not in re.sub(r"base64,[^\"]*", "", html)
    (axes,) = report.trade_off(comparison.compare(models)).axes
    assert "too few persons" in axes.texts[0].get_text()


def test_what_comes_from_the_data_is_escaped(tmp_path: Path) -> None:
    html = page(tmp_path, protocol="<b>x</b>", warnings=["1 person in <script>alert(1)</script> & more"])
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in html
    assert "<b>x</b>" not in html
    html = page(tmp_path, {**MODELS, "<i>own</i>": figures()})
    assert "<i>own" not in html


def test_a_contact_sheet_is_shown_where_there_is_one(tmp_path: Path) -> None:
    assert "Contact sheet" not in page(tmp_path)
    sheet = tmp_path / "sheet.png"
    Image.new("RGB", (8, 8)).save(sheet)
    html = page(tmp_path, sheet=sheet)
    assert "Contact sheet" in html
    assert base64.b64encode(sheet.read_bytes()).decode() in html


@pytest.mark.parametrize("losses", [0.0, 1e9, float("inf")])
def test_extreme_losses_can_be_drawn(losses: float) -> None:
    frame = samples(0).assign(loss=losses)
    assert len(report.loss_histograms({"dlfd": frame}).axes) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_there_is_a_panel_for_each_model(count: int) -> None:
    figure = report.loss_histograms({f"m{number}": samples(number) for number in range(count)})
    assert [axes.get_title() for axes in figure.axes if axes.axison] == [f"m{number}" for number in range(count)]
