"""What is searched of a method."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from pipeline import config
from pipeline.search.space import space
from pipeline.settings import Count, Flag, NonNegative, Positive, TrainSettings, Unit
from pipeline.unlearning import base, dlfd


@dataclass(frozen=True, kw_only=True)
class Knobs(TrainSettings):
    weight: Positive = 2.0
    share: Unit = 0.3
    off: NonNegative = 0.0
    count: Count = 3
    flag: Flag = True


def test_numbers_and_shares_are_searched_and_what_costs_time_or_is_off_is_not() -> None:
    found = space(Knobs(learning_rate=0.08))
    assert set(found) == {"learning_rate", "weight", "share"}
    assert (found["weight"].low, found["weight"].high) == (0.25, 16)
    assert (found["share"].low, found["share"].high) == (0.3 / 8, 1), "around its value, within its bounds"
    assert space(Knobs(share=0.02))["share"].high == pytest.approx(0.16)


def test_a_share_near_one_is_searched_by_its_distance_from_one() -> None:
    knob = space(Knobs(share=0.95))["share"]
    ends = knob.turned(knob.low), knob.turned(knob.high)
    assert ends == pytest.approx((1 - 0.05 / 8, 0.6)), "half of the draws lie above .95"
    assert knob.turned(knob.turned(0.95)) == 0.95


@pytest.mark.parametrize("name", config.method_names())
def test_what_softens_is_never_searched_where_it_would_sharpen(name: str) -> None:
    settings = base.get(name).settings()
    if hasattr(settings, "temperature"):
        assert space(replace(settings, temperature=2.0))["temperature"].low == 1
    assert name not in ("bad_teacher", "dlfd", "muda", "scrub") or hasattr(settings, "temperature")


def test_what_another_setting_overrules_is_not_searched() -> None:
    overruled = set(space(dlfd.Settings())) - set(space(dlfd.Settings(variant="paper")))
    ours = {"matching_weight", "distillation_weight", "temperature"}
    assert overruled == {"classification_weight_end", "epsilon", *ours}, "the paper's form sets them itself"
    assert "temperature" not in space(dlfd.Settings(distillation_weight=0.0)), "of predictions that nobody follows"


@pytest.mark.parametrize("name", config.method_names())
def test_whatever_is_searched_validates_at_both_ends(name: str) -> None:
    settings = base.get(name).settings()
    for key, knob in space(settings).items():
        assert knob.low <= knob.turned(getattr(settings, key)) <= knob.high
        for value in (knob.turned(knob.low), getattr(settings, key), knob.turned(knob.high)):
            _, problems = config._method(name, {name: {key: value}})
            assert not problems
