"""The report in a real browser: it draws, asks nobody for anything, and answers to whoever clicks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import tiny_report as tiny
from browser import launched
from playwright.sync_api import Browser, Locator, Page, expect

from pipeline.report import page as report

pytestmark = [pytest.mark.end_to_end, pytest.mark.browser]
METHODS = ("finetune", "ssd", "scrub", "dlfd")
PATIENCE = 30_000  # ms
DRAWN = "body[data-drawn]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched("the report") as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a page from made-up results, one model diverged and one without a history."""
    folder = tmp_path_factory.mktemp("report")
    nothing = {name: float("nan") for name in ("test_accuracy", "mia_accuracy", "forgetting_score", "nomus")}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tiny.make(METHODS, own={"scrub": {**nothing, "status": "diverged"}}, broken=["scrub"])
        report.write(tiny.read(METHODS), folder / "report.html")
    return (folder / "report.html").as_uri()


@pytest.fixture
def page(browser: Browser, address: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page, drawn. Whatever went wrong in it fails the test; a picture stays in pytest's folder."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    asked: list[str] = []
    opened.on("request", lambda one: asked.append(one.url))
    opened.goto(address)
    opened.wait_for_selector(DRAWN)
    yield opened
    opened.screenshot(path=tmp_path / f"{request.node.name}.png", full_page=True)
    opened.close()
    assert complaints == []
    assert set(asked) == {address}


def chart(page: Page, name: str, *, of: str | None = None) -> Locator:
    """A chart, of a fixed model or of the chosen one."""
    model = f"[data-model={of}]" if of else ":not([data-model])"
    return page.locator(f'.chart[data-chart="{name}"]{model}')


def paths(place: Locator, mark: str) -> list[str]:
    """What is drawn of a kind of mark, without legends."""
    found = place.locator(f"g.mark-{mark}.role-mark path")
    return [path for one in found.all() if (path := one.get_attribute("d"))]


def names(page: Page) -> list[str]:
    """Models in the order of the table."""
    heads = page.locator(".sortable tbody th").all()
    return [head.get_attribute("data-order") or "" for head in heads]


def test_every_chart_has_marks(page: Page) -> None:
    assert len(paths(chart(page, "trade_off"), "symbol")) == 5, "of six models one has no figures"
    for of in (None, "retrained"):
        assert len(paths(chart(page, "losses", of=of), "line")) == 3, "forget, unseen and retain"
    for of in (None, "original"):
        assert len(paths(chart(page, "features_subset", of=of), "symbol")) == 24 + 24 + 60
    for name in ("loss_curve", "pass_ot_cost", "pass_forgetting_score", "pass_accuracy"):
        (line,) = paths(chart(page, name), "line")
        assert len(re.findall(r"[ML]", line)) >= 2
    expect(chart(page, "pass_accuracy").get_by_text("pushing stopped")).to_be_visible()


def test_labels_of_the_trade_off_do_not_overlap(page: Page) -> None:
    boxes = [one.bounding_box() for one in chart(page, "trade_off").locator("g.mark-text.role-mark text").all()]
    edges = sorted((box["y"], box["y"] + box["height"]) for box in boxes if box)
    assert len(edges) == 5
    assert all(below[0] >= above[1] - 1 for above, below in pairwise(edges))


def test_the_chosen_model_is_the_same_everywhere(page: Page) -> None:
    before = paths(chart(page, "losses"), "line")
    oracle = paths(chart(page, "losses", of="retrained"), "line")
    page.locator("#choose-losses").select_option("dlfd")
    expect(page.locator("#choose-persons")).to_have_value("dlfd")
    expect(page.locator('div[data-of="dlfd"]')).to_be_visible()
    expect(page.locator('div[data-of="finetune"]')).to_be_hidden()
    expect(page.locator("h3[data-chosen]")).to_have_text("dlfd")
    assert paths(chart(page, "losses"), "line") != before
    assert paths(chart(page, "losses", of="retrained"), "line") == oracle
    page.locator("#choose-losses").select_option("retrained")
    expect(page.locator("h3[data-chosen]")).to_have_text("retrained")
    assert paths(chart(page, "losses"), "line") == oracle


def test_models_without_a_curve_or_without_numbers_are_no_trouble(page: Page) -> None:
    page.locator("#choose-course").select_option("ssd")
    expect(page.get_by_text("ssd trains nothing")).to_be_visible()
    expect(chart(page, "loss_curve")).to_be_hidden()
    page.locator("#choose-course").select_option("scrub")
    expect(page.locator("h3[data-chosen]")).to_have_text("scrub")
    assert paths(chart(page, "features_subset"), "symbol") == []
    page.locator("#choose-course").select_option("dlfd")
    expect(chart(page, "loss_curve")).to_be_visible()


def test_pictures_are_coloured_by_subset_or_label(page: Page) -> None:
    legend = page.locator('.chart[data-group="features"]').first.locator("g.role-legend-label text")
    expect(legend).to_have_text(["forget", "unseen", "retain"])
    page.get_by_label("label (age)").check()
    expect(legend).to_have_text(tiny.CLASSES["age"])
    assert len(paths(chart(page, "features_label"), "symbol")) == 24 + 24 + 60


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_name_in_a_legend_is_picked_without_a_mouse(page: Page, key: str) -> None:
    place = chart(page, "features_subset")
    name = place.locator("g.role-legend-label text", has_text="forget")
    faint = place.locator('g.mark-symbol.role-mark path[opacity="0.06"]')
    assert faint.count() == 0
    place.get_by_role("button").first.focus()
    expect(name).to_be_focused()
    page.keyboard.press(key)
    expect(faint).to_have_count(24 + 60)
    page.keyboard.press("Tab")
    expect(place.locator("g.role-legend-label text", has_text="unseen")).to_be_focused()


def test_a_click_sorts_and_another_turns_round(page: Page) -> None:
    head = page.get_by_role("button", name="test accuracy [95\u00a0%]", exact=True)
    assert names(page) == ["original", "retrained", *METHODS]
    head.click()
    assert names(page) == ["dlfd", "ssd", "finetune", "retrained", "original", "scrub"], "no number is last"
    head.click()
    assert names(page) == ["original", "retrained", "finetune", "ssd", "dlfd", "scrub"], "here as well"
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")


def test_the_keyboard_sorts_and_explains(page: Page) -> None:
    page.get_by_role("button", name="model", exact=True).focus()
    page.keyboard.press("Enter")
    assert names(page) == sorted(names(page))
    about = page.locator("#about-nomus")
    expect(about).to_be_hidden()
    page.get_by_role("table").get_by_label("What does NoMUS mean?").focus()
    page.keyboard.press("Enter")
    expect(about).to_be_visible()
    page.keyboard.press("Escape")
    expect(about).to_be_hidden()


def test_the_keyboard_chooses_model_and_colours_and_unfolds(page: Page) -> None:
    assert page.locator("#choose-losses").input_value() == "finetune", "the accepted one"
    page.locator("#choose-losses").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("h3[data-chosen]")).to_have_text("ssd")
    expect(page.locator("#choose-persons")).to_have_value("ssd")
    page.get_by_label("subset", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator('.chart[data-group="features"] g.role-legend-label text').first).to_have_text("0-6")
    why = page.get_by_text("Why: every method at the gate")
    why.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The gate reads figures of the validation subset alone")).to_be_visible()


def test_figures_of_the_answer_are_explained_where_they_stand(page: Page) -> None:
    answer = page.locator(".answer")
    for meaning, place in (("NoMUS", "nomus"), ("the verdict", "verdict")):
        answer.get_by_label(f"What does {meaning} mean?").click()
        expect(page.locator(f"#about-{place}")).to_be_visible()
        page.keyboard.press("Escape")
    page.get_by_role("navigation").get_by_role("link", name="Persons at risk").click()
    expect(page.locator("#persons")).to_be_in_viewport()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_but_tables_is_wider_than_the_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.reload()
    page.wait_for_selector(DRAWN)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for place in page.locator(".chart svg").all():
        box = place.bounding_box()
        assert box is None or box["x"] + box["width"] <= width + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_in_charts_have_the_colour_of_the_page(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # light or dark
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    label = chart(page, "losses").locator("g.role-axis-label text").first
    assert label.evaluate("one => getComputedStyle(one).fill") == ink
    dark = [sum(map(int, re.findall(r"\d+", colour)[:3])) < 384 for colour in (ink, paper)]
    assert dark == ([True, False] if scheme == "light" else [False, True])


def test_paper_has_every_explanation_and_no_controls(page: Page) -> None:
    page.emulate_media(media="print")
    expect(page.locator("#about-nomus")).to_be_visible()
    expect(page.locator("#choose-losses")).to_be_hidden()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    expect(page.get_by_text("The gate reads figures of the validation subset alone")).to_be_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    expect(page.get_by_text("The gate reads figures of the validation subset alone")).to_be_hidden()
