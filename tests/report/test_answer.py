"""The answer at the head of the page: who, which method, why."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import tiny_report as tiny
from report_page import words, write

from pipeline import layout
from pipeline.config import Params
from pipeline.data import subset_names
from pipeline.report import answer
from pipeline.settings import SplitSettings


def test_the_answer_names_the_accepted_method_and_the_verdict() -> None:
    html = write(own={"finetune": {"verdict": "remembers", "strongest_auc": 0.61}})
    told = words(html).replace("?", "")
    assert "takes finetune: of the 2 methods that pass it has the greatest NoMUS on validation, 0.760." in told
    assert "still find that it remembers: AUC 0.61" in told
    assert 'class="answer doubt"' in html
    assert "dlfd: passes" in told


def test_of_few_persons_the_answer_says_by_what_it_was_decided() -> None:
    none = dict.fromkeys(("mia_accuracy", "forgetting_score", "nomus", "validation_nomus"), float("nan"))
    few = {**none, "validation_persons": 1.0, "persons_audited": 1.0, "verdict": "too few persons"}
    few |= {"validation_persons_detected": 0.0}
    own = {"finetune": {**few, "validation_person_nomus": 0.71}, "dlfd": {**few, "validation_persons_detected": 1.0}}
    html = write(own={**own, "original": few, "retrained": few})
    told = words(html)
    assert "takes finetune: it is the only one of 2 methods that passes, with a NoMUS by persons of 0.710" in told
    assert "places of 1 forgotten person(s) among those of validation: too few for NoMUS" in told
    assert "dlfd: refused: 1 of 1 forgotten person(s) stand out" in told
    assert "Of so few persons the audits can say nothing but who stands out" in told
    assert "nan" not in told.split()
    assert "Not drawn, for want of figures: dlfd, finetune, original, retrained." in told


def test_the_answer_says_why_none_is_accepted() -> None:
    refused = {"validation_nomus": 0.1}
    told = words(write(own={"finetune": refused, "dlfd": refused}))
    assert "takes no method: all 2 that were tried are refused" in told
    assert "dlfd: refused: validation NoMUS 0.1 is below min_nomus 0.6" in told


@pytest.mark.parametrize(
    ("split", "named", "identities", "expected"),
    [
        ({}, [], True, "12 persons (24 pictures), a random share to compare methods by: nobody asked"),
        ({}, [], False, "24 pictures, a random share to compare methods by: nobody asked"),
        ({"forget_by_name": 2}, [], True, "12 persons (24 pictures), asked for it (open requests)"),
        (
            {"forget_by_name": 2, "forgotten_earlier": 1},
            [],
            True,
            "12 persons (24 pictures), asked for it (open requests); 1 person of earlier rounds must stay forgotten",
        ),
        ({"forget_by_name": 1}, ["p1"], True, "12 persons (24 pictures), named in split.forget_persons"),
        (
            {"forget_by_name": 2},
            ["p1"],
            True,
            "12 persons (24 pictures), asked for it (open requests) or named in split.forget_persons",
        ),
        ({"protocol": "published"}, [], False, "24 pictures, as the data set's published split has it"),
    ],
)
def test_the_page_says_who_is_to_be_forgotten_and_why(
    monkeypatch: pytest.MonkeyPatch, split: dict[str, Any], named: list[str], identities: bool, expected: str
) -> None:
    monkeypatch.setattr(tiny, "SPLIT", {**tiny.SPLIT, **split})
    monkeypatch.setattr(tiny, "Params", lambda **other: Params(split=SplitSettings(forget_persons=named), **other))
    assert f"To be forgotten: {expected}." in words(write(identities=identities))


@pytest.mark.parametrize(
    ("identities", "expected"), [(True, "No person and no picture is in"), (False, "No picture is in")]
)
def test_persons_are_spoken_of_only_where_the_data_tell_them_apart(identities: bool, expected: str) -> None:
    assert f"{expected} two of them" in words(write(identities=identities))


@pytest.mark.parametrize("identities", [True, False])
def test_a_store_that_does_not_tell_is_judged_by_its_counts(identities: bool) -> None:
    """As those were that older versions of this project wrote."""
    write(identities=identities)
    path = layout.FACES / "dataset.json"
    told = json.loads(path.read_text())
    del told["identities"]
    path.write_text(json.dumps(told))
    assert tiny.read().identities is identities


def test_every_subset_is_explained_and_what_the_split_noticed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny, "SPLIT", {**tiny.SPLIT, "warnings": ["a leak"], "notes": ["taken along"]})
    html = write()
    explained = re.findall(r"<dt>(\w+)</dt><dd>[^<]{20,}</dd>", html)
    assert explained == list(tiny.SIZES)
    assert {*subset_names.SUBSETS, "excluded"} <= answer.MEANINGS.keys()
    assert "⚠ a leak" in html
    assert "taken along" in html


def test_the_only_method_that_passes_is_called_so() -> None:
    html = write(own={"dlfd": {"status": "diverged"}})
    assert "it is the only one of 2 methods that passes" in words(html)
    assert 'class="answer"' in html, "no doubt"
