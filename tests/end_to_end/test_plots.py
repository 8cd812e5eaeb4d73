"""`dvc plots show` and `diff`, in a browser that is offline: what people see who never open the report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import pytest
from browser import launched
from checkouts import Checkout
from playwright.sync_api import Locator

pytestmark = [pytest.mark.end_to_end, pytest.mark.browser]
METHODS = {"finetune", "neggrad", "dlfd"}
MODELS = {"original", "retrained", *METHODS}
TITLES = (
    "Loss along the unlearning pass, each method on what it learns from",
    "Accuracy against forgetting (best at the top left)",
    "Losses of every model: forget should lie as in the retrained one",
    "NoMUS by model: accuracy and forgetting in one figure",
)


@contextmanager
def pictures_of(checkout: Checkout, *command: str) -> Iterator[dict[str, Locator]]:
    """The plots that `dvc plots ...` writes, by title; no complaint of the browser, and no network asked."""
    complaints: list[str] = []
    asked: list[str] = []
    with launched("plots") as browser:
        checkout.dvc("plots", *command)  # into dvc_plots/, which git ignores
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda one: asked.append(one.url))
        # DVC draws on a canvas: as SVG the marks can be counted
        page.add_init_script(
            "Object.defineProperty(window, 'vegaEmbed', {set(f) {this.drawn = f}, "
            "get() {return this.drawn && ((at, spec) => this.drawn(at, spec, {renderer: 'svg'}))}})"
        )
        page.goto((checkout.root / "dvc_plots/index.html").as_uri())
        page.wait_for_function(f"document.querySelectorAll('svg.marks').length == {len(TITLES)}", timeout=60_000)
        pictures = {title: page.locator("svg.marks", has_text=title) for title in TITLES}
        assert [one.count() for one in pictures.values()] == [1] * len(TITLES)
        yield pictures
    assert complaints == []
    assert asked, "the page itself and Vega"
    assert all(re.match(r"file://", url) for url in asked), "nothing is asked of a network"


def marks(picture: Locator, kind: str) -> int:
    return picture.locator(f"g.mark-{kind}.role-mark path[d]").count()


def names(picture: Locator) -> list[str]:
    return picture.locator("g.mark-text.role-mark text").all_text_contents()


def test_every_plot_is_drawn_without_a_network(reproduced: Checkout) -> None:
    curves = set(pd.read_csv(reproduced.root / "reports/curves.csv")["method"])
    with pictures_of(reproduced, "show") as pictures:
        loss, trade_off, losses, nomus = (pictures[title] for title in TITLES)
        assert marks(loss, "line") == len(curves) == len(METHODS), "a line a method"
        assert marks(trade_off, "symbol") == len(MODELS)
        assert marks(losses, "line") == 3 * len(MODELS), "forget, unseen and retain of every model"
        assert marks(nomus, "rect") == len(MODELS)
        assert set(names(trade_off)) == MODELS


def test_two_revisions_are_told_apart(reproduced: Checkout) -> None:
    """HEAD has the figures that are committed, the workspace those of the tests' tiny run."""
    with pictures_of(reproduced, "diff") as pictures:
        loss, trade_off, losses, nomus = (pictures[title] for title in TITLES)
        assert marks(loss, "line") == 2 * len(METHODS)
        assert marks(trade_off, "symbol") == 2 * len(MODELS)
        assert marks(losses, "line") == 2 * 3 * len(MODELS)
        assert marks(nomus, "rect") == 2 * len(MODELS)
        assert sorted(names(trade_off)) == sorted(MODELS), "each is named once, where it is now"
        bold = loss.locator("g.mark-line.role-mark path[stroke-width='2.5']")
        told = [one.get_attribute("aria-label") or "" for one in bold.all()]
        assert len(told) == len(METHODS)
        assert all("revision: workspace" in one for one in told), "what the reader just ran stands out"
