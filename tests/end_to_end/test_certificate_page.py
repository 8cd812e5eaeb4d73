"""The certificate in a real browser: it asks nobody for anything, runs no script, and prints what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_certificate as tiny
from browser import launched
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Browser, expect

from pipeline.certificates import files

pytestmark = [pytest.mark.end_to_end, pytest.mark.browser]
KEY = Ed25519PrivateKey.from_private_bytes(b"1" * 32)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched("the certificate") as started:
        yield started


@pytest.mark.parametrize("key", [KEY, None], ids=["signed", "unsigned"])
def test_it_opens_without_complaint_on_any_screen_and_on_paper(
    browser: Browser, tmp_path: Path, key: Ed25519PrivateKey | None
) -> None:
    told = tiny.certificate(forced=tiny.NASTY, overruled=[tiny.NASTY])
    _, path = files.write(told, key, (tmp_path / "one.json", tmp_path / "one.html"))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    page.on("request", lambda one: asked.append(one.url))
    page.goto(path.as_uri())
    expect(page.get_by_role("heading", name="Certificate of unlearning")).to_be_visible()
    expect(page.get_by_text("because: " + tiny.NASTY)).to_be_visible()
    expect(page.get_by_role("cell", name="0.520 [0.450, 0.590]").first).to_be_visible()
    unsigned = page.get_by_text("UNSIGNED", exact=True)
    expect(unsigned).to_have_count(0 if key else 1)
    if not key:
        assert unsigned.evaluate("one => parseFloat(getComputedStyle(one).fontSize)") >= 32
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.emulate_media(media="print")
    expect(page.get_by_text("What it does not promise")).to_be_visible()
    expect(page.get_by_text("The data", exact=True)).to_be_hidden()
    page.screenshot(path=tmp_path / "paper.png", full_page=True)
    page.close()
    assert complaints == []
    assert asked == [path.as_uri()]
