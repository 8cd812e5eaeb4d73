"""What a newcomer sees in MLflow's own pages: nested runs, drawn curves, the registered model and its alias."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import registry_checkout as tiny
from browser import CHROMIUM, FLAGS
from playwright.sync_api import Page, expect, sync_playwright
from servers import free_port, running

from pipeline.registry import versions
from pipeline.tracking import stage_runs, tracking_store

pytestmark = [pytest.mark.end_to_end, pytest.mark.browser]
NAMES = ("train original", "unlearn dlfd", "register")
PATIENCE = 90_000  # ms, for pages that this machine draws slowly


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A checkout where a small pipeline ran; ids of its runs by name."""
    if CHROMIUM is None:
        pytest.skip("no chromium found: install Debian's `chromium` to look at MLflow's pages")
    folder = tmp_path_factory.mktemp("ui")
    with tiny.opened(folder) as patch:
        patch.setenv("DVC_EXP_NAME", "wild-fig")
        yield _execute()


def _execute() -> dict[str, str]:
    ids: dict[str, str] = {}
    with stage_runs.stage_run("train", "original", params={"train": {"epochs": 12}}) as run:
        run.log_epochs([{"epoch": e, "loss": 2 / (e + 1), "validation_accuracy": e / 12} for e in range(12)])
        ids["train original"] = str(run.id)
    with stage_runs.stage_run("unlearn", "dlfd", params={"dlfd": {"ot_weight": 1.0}}) as run:
        run.log_history([{"step": step, "loss": 1 + step % 3} for step in range(20)])
        ids["unlearn dlfd"] = str(run.id)
    with stage_runs.stage_run("compare") as run:
        Path("report.html").write_text("<title>r</title><h1>What is accepted</h1>")
        run.log_artifact(Path("report.html"))
        run.tag_execution({"accepted": "dlfd", "mlflow.note.content": f"[the report]({run.page_of('report.html')})"})
        ids["compare"] = str(run.id)
    with stage_runs.stage_run("register") as run:
        version = versions.register("faces", tiny.write_model("dlfd", 1), tiny.metrics(), run.id)
        ids["register"] = str(run.id)
    versions.switch("faces", version.number)
    return ids


@pytest.fixture(scope="module")
def page(executed: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser that is at home in a real `mlflow server` over the checkout."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    server = ["server", "--backend-store-uri", tracking_store.uri(), "--host", "127.0.0.1", "--port", str(port)]
    log = tmp_path_factory.mktemp("server") / "server.log"
    with running([*server, "--workers", "1"], log, f"{address}/health"), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page(base_url=address, viewport={"width": 1400, "height": 900})
        opened.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield opened
        browser.close()


@pytest.fixture
def shoot(page: Page, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """Leaves a picture of the page in pytest's folder, for whoever wants to look."""
    yield
    page.screenshot(path=tmp_path / f"{request.node.name}.png")


@pytest.mark.usefixtures("shoot")
def test_the_stages_are_nested_under_the_execution(page: Page) -> None:
    page.goto("/#/experiments/1?workflowType=machine_learning")  # the link that README gives: plain ones open GenAI
    parent = page.get_by_role("row").filter(has=page.get_by_role("link", name="wild-fig", exact=True))
    expect(parent).to_be_visible()
    for name in NAMES:
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    parent.locator("button").filter(has=page.locator("svg")).last.click()  # unfolds it
    for name in NAMES:
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()


@pytest.mark.usefixtures("shoot")
@pytest.mark.parametrize("name", ["train original", "unlearn dlfd"])
def test_curves_are_drawn(page: Page, executed: dict[str, str], name: str) -> None:
    page.goto(f"/#/experiments/1/runs/{executed[name]}/model-metrics")
    line = page.locator("g.trace.scatter path.js-line").first
    expect(line).to_be_visible()
    corners = re.findall(r"[ML]-?[\d.]+,-?[\d.]+", line.get_attribute("d") or "")
    assert len(corners) > 8, "as many as the steps, but for those on a straight line"
    box = line.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) > 50


@pytest.mark.usefixtures("shoot")
def test_the_execution_leads_to_the_report(page: Page) -> None:
    page.goto("/#/experiments/1?workflowType=machine_learning&searchFilter=tags.accepted%20%3D%20%27dlfd%27")
    page.get_by_role("link", name="wild-fig", exact=True).click()
    page.goto(f"/{page.get_by_role('link', name='the report').get_attribute('href')}")  # a click opens another tab
    expect(page.frame_locator("iframe").get_by_role("heading", name="What is accepted")).to_be_visible()


@pytest.mark.usefixtures("shoot")
def test_the_registered_model_shows_its_aliases_and_origin(page: Page) -> None:
    page.goto("/#/models/faces")
    expect(page.get_by_role("link", name="Version 1")).to_be_visible()
    for words in ("candidate", "champion"):
        expect(page.get_by_text(words).first).to_be_visible()
    page.get_by_role("link", name="Version 1").click()
    for words in ("validation_nomus", "weights_sha256", "persons_forgotten"):
        expect(page.get_by_text(words).first).to_be_visible()
