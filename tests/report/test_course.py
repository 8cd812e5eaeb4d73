"""The course of a method, and what DLFD does to pictures."""

from __future__ import annotations

import base64
import json

import numpy as np
import pandas as pd
import pytest
import tiny_report as tiny
from PIL import Image
from report_page import Elements, embedded, words, write

from pipeline import layout
from pipeline.report import course, page


@pytest.mark.parametrize(
    ("pushing", "stop"),
    [([1, 1, 0, 0], 2), ([1, 1, 1, 1], None), ([0, 0, 0, 0], None), ([1, 0, 0, 0], 1), ([1, 1, 1, 0], 3)],
)
def test_the_moment_the_pushing_stopped(pushing: list[int], stop: float | None) -> None:
    assert course.stopped(pd.DataFrame({"step": range(4), "distancing": pushing})) == stop


def test_a_long_curve_keeps_its_ends_and_only_its_finite_points() -> None:
    curve = pd.DataFrame({"step": np.arange(5000.0), "value": np.arange(5000.0)})
    curve.loc[10:20, "value"] = np.nan
    thin = course.thinned(curve)
    assert len(thin) <= course.POINTS
    assert thin["step"].iloc[[0, -1]].tolist() == [0, 4999]
    assert np.isfinite(thin["value"]).all()
    short = curve.head(5)
    assert course.thinned(short).equals(short)


def test_dlfds_pass_is_drawn_with_its_end_of_pushing() -> None:
    html = write()
    assert {f"pass_{name}" for name in ("ot_cost", "forgetting_score", "accuracy")} <= set(embedded(html, "charts"))
    assert "The pushing stopped before step 3 of 8." in words(html)


def test_why_the_pushing_ended_is_told_where_the_method_said_so() -> None:
    write()
    path = layout.MODELS / "dlfd/model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "note": "pushed 3 batches: forgotten"}))
    page.write(tiny.read(), layout.REPORTS / "report.html")
    html = (layout.REPORTS / "report.html").read_text(encoding="utf-8")
    assert "The pushing stopped before step 3 of 8 (pushed 3 batches: forgotten)." in words(html)


@pytest.mark.parametrize(
    ("knobs", "only", "follows"),
    [
        ({}, True, False),
        ({"matching_weight": 0.5}, False, False),
        ({"matching_weight": 0.5, "distillation_weight": 0.5}, False, True),
        ({"variant": "paper", "matching_weight": 0.0, "distillation_weight": 0.0}, True, False),
    ],
)
def test_what_dlfd_learns_beside_labels_is_told(knobs: dict[str, object], only: bool, follows: bool) -> None:
    write()
    path = layout.MODELS / "dlfd/model.json"
    info = json.loads(path.read_text())
    path.write_text(json.dumps({**info, "settings": {**info["settings"], **knobs}}))
    page.write(tiny.read(), layout.REPORTS / "report.html")
    told = words((layout.REPORTS / "report.html").read_text(encoding="utf-8"))
    assert ("Afterwards DLFD learns clean retain pictures only." in told) == only
    assert ("what the original model says of them beside their labels" in told) == follows


def test_a_method_that_trains_nothing_says_so_and_a_diverged_one_has_its_finite_steps() -> None:
    html = write(("ssd", "scrub"))
    assert "ssd trains nothing, so it has no loss curve" in words(html)
    curves = embedded(html, "data")["loss_curve"]
    assert "ssd" not in curves["model"]
    assert curves["model"].count("scrub") == 1
    assert "pass_accuracy" not in embedded(html, "charts"), "DLFD did not run"


def test_pushed_pictures_are_shown_where_the_stage_kept_some() -> None:
    html = write()
    assert "Not shown here: these are pictures of real people" in words(html)
    assert not [tag for tag, _ in Elements(html).found if tag == "img"]
    picture = Image.new("RGB", (8, 24))
    picture.save(layout.MODELS / "dlfd" / "examples.png")
    page.write(tiny.read(), layout.REPORTS / "report.html")
    html = (layout.REPORTS / "report.html").read_text(encoding="utf-8")
    (shown,) = [attributes["src"] for tag, attributes in Elements(html).found if tag == "img"]
    png = base64.b64decode(str(shown).removeprefix("data:image/png;base64,"))
    assert png == (layout.MODELS / "dlfd" / "examples.png").read_bytes()
