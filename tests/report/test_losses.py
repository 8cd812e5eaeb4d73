"""Histograms of losses."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from report_page import embedded, words, write

from pipeline.report import losses


def test_a_histogram_counts_every_picture_once() -> None:
    samples = pd.DataFrame({"subset": ["forget"] * 4 + ["unseen"], "loss": [0.0, 1.0, 1e9, float("inf"), 1.0]})
    found = losses.histogram(samples)
    sums = found.groupby("subset")["share"].sum().to_dict()
    assert sums == pytest.approx({"forget": 100, "unseen": 100, "retain": 0})
    forget = found[found["subset"] == "forget"]["share"].to_numpy()
    assert forget[0] == pytest.approx(25), "zero is in the first bin"
    assert forget[-2] == pytest.approx(50), "what lies beyond is in the last"
    assert losses.EDGES[np.flatnonzero(found[found["subset"] == "unseen"]["share"])[0]] == pytest.approx(0, abs=0.2)


def test_pictures_of_losses_have_one_scale_that_a_broken_model_does_not_spoil() -> None:
    table = pd.DataFrame({"model": ["retrained", "dlfd"], "share": [12.0, 20.0]})
    assert losses._top(table) == 20
    assert losses._top(table.replace(20.0, 100.0)) == 36
    assert losses._top(table.assign(share=0.0)) > 0
    html = write()
    encoding = embedded(html, "charts")["losses"]["encoding"]
    assert encoding["y"]["scale"]["domain"][1] >= 0.999 * max(embedded(html, "data")["losses"]["share"])


def test_over_forgetting_is_pointed_out_in_words() -> None:
    assert "Over-forgotten: forgotten pictures lie to the right" not in words(write())


def test_over_forgetting_is_pointed_out_where_the_verdict_says_so() -> None:
    html = write(own={"dlfd": {"verdict": "over-forgotten"}})
    (told,) = re.findall(r'<figcaption data-of="dlfd">(Over-forgotten: .*?)</figcaption>', html)
    assert "to the right" in told
