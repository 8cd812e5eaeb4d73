from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation import persons

RNG = np.random.default_rng(0)
UNSEEN = np.repeat([f"u{number}" for number in range(200)], 3)


def test_who_stands_out_is_detected_and_named_first() -> None:
    others = RNG.normal(0, 1, 600)
    units = np.repeat([f"family {number}" for number in range(50)], 3)
    members = RNG.normal(0, 1, 150)
    members[units == "family 7"] += 6
    table = persons.rank(members, units, others, UNSEEN)
    assert table["person"][0] == persons.pseudonym("family 7")
    assert table["detected"][0]
    assert table["rank"][0] == 0
    assert len(table) == 50
    assert table["score"].is_monotonic_decreasing
    assert not table["person"].str.contains("family").any()


def test_false_alarms_are_as_many_as_they_say() -> None:
    rates = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        table = persons.rank(rng.normal(0, 1, 600), UNSEEN, rng.normal(0, 1, 600), UNSEEN)
        rates.append(table["detected"].mean())
        assert table["rank"].mean() == pytest.approx(0.5, abs=0.15)
    assert np.mean(rates) == pytest.approx(persons.FALSE_ALARMS, abs=0.006)


def test_few_and_many_pictures_compare() -> None:
    few, many = np.repeat(np.arange(300), 1).astype(str), np.repeat(np.arange(300), 9).astype(str)
    others = RNG.normal(0, 1, 2700)
    spreads = [persons.rank(RNG.normal(0, 1, len(u)), u, others, many)["score"].std() for u in (few, many)]
    assert spreads[0] == pytest.approx(spreads[1], rel=0.15)


def test_the_order_of_the_pictures_does_not_matter() -> None:
    members, others = RNG.normal(0, 1, 600), RNG.normal(0, 1, 600)
    p = RNG.permutation(600)
    plain, moved = persons.rank(members, UNSEEN, others, UNSEEN), persons.rank(members[p], UNSEEN[p], others, UNSEEN)
    assert (plain["person"] == moved["person"]).all()
    np.testing.assert_allclose(plain["score"], moved["score"])
