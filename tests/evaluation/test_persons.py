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
    table = persons.rank(members, units, others, UNSEEN).table
    assert table["unit"][0] == "family 7"
    assert table["detected"][0]
    assert table["rank"][0] == 0
    assert len(table) == 50
    assert table["score"].is_monotonic_decreasing


def test_false_alarms_are_as_many_as_they_say() -> None:
    rates = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        table = persons.rank(rng.normal(0, 1, 600), UNSEEN, rng.normal(0, 1, 600), UNSEEN).table
        rates.append(table["detected"].mean())
        assert table["rank"].mean() == pytest.approx(0.5, abs=0.15)
    assert np.mean(rates) == pytest.approx(persons.FALSE_ALARMS, abs=0.006)


def people(
    count: int, pictures: int, name: str, likeness: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of pictures of which two of one person correlate as `likeness`, and whose they are."""
    person = np.repeat(np.arange(count), pictures)
    shared = rng.normal(0, likeness**0.5, count)[person]
    return shared + rng.normal(0, (1 - likeness) ** 0.5, len(person)), np.array([f"{name}{p}" for p in person])


@pytest.mark.parametrize(("own", "others"), [(1, 9), (9, 6), (9, 3), (3, 9)])
@pytest.mark.parametrize("likeness", [0.0, 0.3, 0.6])
def test_persons_with_many_pictures_are_not_found_more_often(own: int, others: int, likeness: float) -> None:
    rates = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        forgotten, fresh = people(300, own, "f", likeness, rng), people(300, others, "u", likeness, rng)
        rates.append(persons.rank(*forgotten, *fresh).table["detected"].mean())
    assert np.mean(rates) == pytest.approx(persons.FALSE_ALARMS, abs=0.012)


def test_the_chance_of_the_ranks_is_uniform_where_nobody_stands_out() -> None:
    chances = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        chances.append(persons.rank(rng.normal(0, 1, 600), UNSEEN, rng.normal(0, 1, 600), UNSEEN).p_high)
    assert np.mean(np.array(chances) < 0.05) <= 0.08
    assert min(chances) > 0.0005


def test_the_order_of_the_pictures_does_not_matter() -> None:
    members, others = RNG.normal(0, 1, 600), RNG.normal(0, 1, 600)
    p = RNG.permutation(600)
    plain, moved = (persons.rank(members[q], UNSEEN[q], others, UNSEEN).table for q in (np.arange(600), p))
    assert (plain["unit"] == moved["unit"]).all()
    np.testing.assert_allclose(plain["score"], moved["score"])
