"""Persons on the page: by pseudonym or not at all."""

from __future__ import annotations

import re

import pandas as pd
import tiny_report as tiny
from report_page import words, write

from pipeline.report import persons


def test_persons_at_risk_stand_under_their_model_by_pseudonym() -> None:
    html = write()
    told = re.search(r'<div data-of="dlfd">\s*<p>(.*?)</div>\s*</div>', html, re.DOTALL)
    assert told is not None
    found = words(told[0])
    assert "3 of 12 forgotten persons can still be detected in dlfd; chance alone would bring about 0.1." in found
    assert [f"person-{number:08x}" in found for number in range(4)] == [True, True, True, False]
    assert "1 stands out at the other end, as chance would have about 0.1" in found
    assert re.search(r"person-0000000b 2 -3.00 100.00 % over-forgotten", found)
    oracle = re.search(r'<div data-of="retrained">(.*?)</div>\s*</div>', html, re.DOTALL)
    assert oracle is not None
    assert "other end" not in oracle[1], "beside itself everybody scores alike"


def test_without_identities_pictures_are_at_risk() -> None:
    told = words(write(identities=False))
    assert "Pictures at risk" in told
    assert "does not say who is on a picture" in told


def test_no_key_of_a_person_is_on_the_page() -> None:
    html = write()
    keys = set(tiny.read().samples["dlfd"]["unit"])
    assert not [key for key in keys if re.search(rf"\b{key}\b", html)]


def test_real_people_are_not_shown() -> None:
    assert "Contact sheet" not in write()


def test_where_all_score_alike_nobody_stands_out_at_the_other_end() -> None:
    """A model that says the same of every picture: each rank is 1, and says nothing."""
    metrics = {"verdict": "forgotten"}
    alike = pd.DataFrame({"person": list("abc"), "rank": 1.0, "detected": False, "score": 0.0})
    assert persons._told(alike, metrics)["over_forgotten"] == 0
    assert persons._told(alike.assign(score=[0.0, 0.0, -3.0]), metrics)["over_forgotten"] == 1
