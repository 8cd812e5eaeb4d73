"""The page as a whole, of any data: it needs nothing but itself, and says what is missing. A browser: end_to_end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_report as tiny
from PIL import Image
from report_page import Elements, embedded, words, write

from pipeline import layout
from pipeline.config import method_names
from pipeline.errors import DataError
from pipeline.report import charts, figures, page, trade_off

MEGABYTE = 1_000_000


def test_the_page_needs_nothing_but_itself() -> None:
    html = write()
    elements = Elements(html)
    assert elements.open == []
    assert not {"link", "iframe", "object"} & {tag for tag, _ in elements.found}
    for _, attributes in elements.found:
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
    assert "url(" not in html
    assert "@import" not in html
    (policy,) = [attributes["content"] for tag, attributes in elements.found if "http-equiv" in attributes]
    assert policy == "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def test_every_chart_that_is_placed_has_its_specification_and_data() -> None:
    html = write()
    specifications, data = embedded(html, "charts"), embedded(html, "data")
    placed = {attributes["data-chart"] for _, attributes in Elements(html).found if "data-chart" in attributes}
    switched = {attributes["value"] for _, attributes in Elements(html).found if "data-switch" in attributes}
    assert placed | switched == set(specifications)
    for specification in specifications.values():
        assert specification["description"]
        named = {layer["data"]["name"] for layer in _views(specification) if "name" in layer.get("data", {})}
        assert named
        assert named <= set(data)


def test_every_section_with_figures_says_how_to_read_them() -> None:
    sections = re.findall(r"<section>(.*?)</section>", write(), re.DOTALL)
    shown = [one for one in sections if "data-chart" in one or "<table" in one]
    assert len(shown) > 5
    for one in shown:
        assert re.search(r"<details|<figcaption|popovertarget", one), one[:80]


def test_the_contents_lead_to_every_section() -> None:
    html = write()
    elements = Elements(html).found
    links = [attributes["href"] for tag, attributes in elements if tag == "a"]
    headings = [f"#{attributes['id']}" for tag, attributes in elements if tag == "h2"]
    assert links == headings
    assert len(set(links)) == len(links) > 6


def _views(specification: dict[str, Any]) -> list[dict[str, Any]]:
    return [specification, *specification.get("layer", [])]


def test_the_page_of_all_methods_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"forget": 1500, "retain": 3000, "validation": 500, "test": 500, "unseen": 1500}
    monkeypatch.setattr(tiny, "SIZES", sizes)
    names = tuple(name for name in method_names() if name not in tiny.HISTORIES or name == "dlfd")
    steps = np.arange(20_000)
    monkeypatch.setitem(tiny.HISTORIES, "dlfd", {"step": steps, "loss": 1 / (1 + steps), "ot_cost": 0.1})
    html = write((*names, "one_more", "and_another", "scrub", "ssd"))
    assert len(html) < MEGABYTE
    assert len(charts.javascript()) < 1.2 * MEGABYTE


@pytest.mark.parametrize("task", ["age", "emotion", "gender", "attributes"])
def test_pictures_are_coloured_by_the_names_of_their_labels(task: str) -> None:
    html = write(task=task)
    seen = set(embedded(html, "data")["features"]["label"])
    names = set(tiny.read(task=task).labels)
    assert seen <= names
    assert len(seen) > 1
    assert embedded(html, "charts")["features_label"]["encoding"]["color"]["scale"]["domain"]


def test_two_models_are_enough() -> None:
    html = write(())
    assert "no method" in words(html)
    assert set(embedded(html, "data")["losses"]["model"]) == {"original", "retrained"}


def test_what_comes_from_the_data_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = ["<script>alert(1)</script>", "</script>", "a & b", "d"]
    monkeypatch.setitem(tiny.CLASSES, "age", labels)
    html = write(own={"dlfd": {"verdict": "<b>bold</b>"}})
    assert "<script>alert" not in html
    assert "<b>bold" not in html
    assert labels[0] in embedded(html, "data")["features"]["label"]
    assert Elements(html).open == []


def test_the_picture_for_the_documentation_is_a_sound_png(tmp_path: Path) -> None:
    tiny.make()
    file = tmp_path / "picture.png"
    file.write_bytes(trade_off.png(tiny.read()))
    with Image.open(file) as image:
        assert min(image.size) > 400
        colours = image.convert("RGB").getcolors(maxcolors=1_000_000)
    assert colours is not None
    assert max(colours)[1] == (255, 255, 255), "on white paper"
    assert len(colours) > 20


@pytest.mark.parametrize(
    "path",
    ["evaluation/dlfd/persons.csv", "evaluation/dlfd/outputs.npz", "models/dlfd/history.csv", "models/dlfd/model.json"],
)
@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_missing_and_damaged_files_are_named_with_the_remedy(path: str, damage: str) -> None:
    tiny.make()
    file = layout.WORKSPACE / path
    file.unlink() if damage == "missing" else file.write_bytes(b'\xff\xfe"\x00{')
    with pytest.raises(DataError, match=r"dlfd.*(not found: run|is damaged .* delete it and run) `dvc repro`"):
        page.write(tiny.read(), layout.REPORTS / "report.html")
    assert not (layout.REPORTS / "report.html").exists()


def test_every_chart_becomes_a_picture_of_its_model(tmp_path: Path) -> None:
    tiny.make()
    stored = tiny.read()
    sections = page.write(stored, tmp_path / "report.html")
    written = figures.write(stored, sections, tmp_path / "figures")
    drawn = {name for one in sections.values() for name in one.charts}
    assert {path.stem.partition("-")[0] for path in written} == drawn
    assert {path.name for path in written if path.name.startswith("losses")} == {
        f"losses-{name}.png" for name in stored.models
    }
    pixels = {path.name: np.asarray(Image.open(path).convert("L")) for path in written}
    assert all(len(np.unique(one)) > 2 for one in pixels.values()), "more than an empty frame"
    one, other = (pixels[f"losses-{name}.png"] for name in ("original", "dlfd"))
    assert one.shape != other.shape or (one != other).any()
    assert stored.shown_first == "finetune", "the accepted one"
    assert (tmp_path / "figures/features_label-finetune.png").is_file()
