"""`dvc plots show`, in a browser that is offline: what people see who never open the report."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from browser import CHROMIUM, FLAGS
from checkouts import Checkout
from playwright.sync_api import sync_playwright

pytestmark = [pytest.mark.end_to_end, pytest.mark.browser]
METHODS = {"finetune", "neggrad", "dlfd"}
MODELS = {"original", "retrained", *METHODS}
TITLES = (
    "Loss along the unlearning pass",
    "Accuracy against forgetting",
    "Losses of every model, the retrained oracle among them",
    "NoMUS by model",
)


def test_every_plot_is_drawn_without_a_network(reproduced: Checkout) -> None:
    if CHROMIUM is None:
        pytest.skip("no chromium found: install Debian's `chromium` to look at plots")
    reproduced.dvc("plots", "show")  # into dvc_plots/, which git ignores
    address = (reproduced.root / "dvc_plots/index.html").as_uri()
    complaints: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda one: asked.append(one.url))
        # DVC draws on a canvas: as SVG the marks can be counted
        page.add_init_script(
            "Object.defineProperty(window, 'vegaEmbed', {set(f) {this.drawn = f}, "
            "get() {return this.drawn && ((at, spec) => this.drawn(at, spec, {renderer: 'svg'}))}})"
        )
        page.goto(address)
        page.wait_for_function(f"document.querySelectorAll('svg.marks').length == {len(TITLES)}", timeout=60_000)
        pictures = {title: page.locator("svg.marks", has_text=title) for title in TITLES}
        assert [one.count() for one in pictures.values()] == [1] * len(TITLES)

        def marks(title: str, kind: str) -> int:
            return pictures[title].locator(f"g.mark-{kind}.role-mark path[d]").count()

        curves = set(pd.read_csv(reproduced.root / "reports/curves.csv")["method"])
        assert marks(TITLES[0], "line") == len(curves) == len(METHODS), "a line a method"
        assert marks(TITLES[1], "symbol") == len(MODELS)
        assert marks(TITLES[2], "line") == 3 * len(MODELS), "forget, unseen and retain of every model"
        assert marks(TITLES[3], "rect") == len(MODELS)
        named = set(pictures[TITLES[1]].locator("g.mark-text.role-mark text").all_text_contents())
        assert named == MODELS
        browser.close()
    assert complaints == []
    assert asked, "the page itself and Vega"
    assert all(re.match(r"file://", url) for url in asked), "nothing is asked of a network"
