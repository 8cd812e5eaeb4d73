"""Units, leaks and label mixes, against slow and plain definitions of the same."""

from __future__ import annotations

import networkx as nx
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import groups, subset_names

pairs = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 12)), min_size=1, max_size=40)
labels = st.lists(st.integers(0, 3), max_size=30)


@given(pairs)
def test_units_are_the_connected_components(rows: list[tuple[str, int]]) -> None:
    person, content = (pd.Series(column) for column in zip(*rows, strict=True))
    graph = nx.Graph((("person", p), ("content", c)) for p, c in rows)
    name = {
        node: min(key for kind, key in component if kind == "person")
        for component in nx.connected_components(graph)
        for node in component
    }
    assert groups.units(person, content).tolist() == [name["person", p] for p in person]


def test_a_chain_of_shared_pictures_is_one_unit() -> None:
    person, content = pd.Series(list("aabbccd")), pd.Series([0, 1, 1, 2, 2, 3, 4])
    assert groups.units(person, content).tolist() == list("aaaaaad")


def test_sides_touched_knows_held_out_and_excluded() -> None:
    subset = pd.Series(["retain", "forget", "test", "unseen", "excluded", "retain", "excluded"])
    by = pd.Series(["a", "a", "b", "b", "c", "c", "d"])
    assert groups.sides_touched(subset, by).tolist() == [2, 2, 1, 1, 1, 1, 0]
    assert groups.shared(subset, by) == {"forget & retain": 1}


@given(pairs, st.data())
def test_leaks_agree_with_their_definition(rows: list[tuple[str, int]], data: st.DataObject) -> None:
    subset = [data.draw(st.sampled_from([*subset_names.SUBSETS, "excluded"])) for _ in rows]
    person, content = (pd.Series(column) for column in zip(*rows, strict=True))
    table = pd.DataFrame({"person": person, "unit": person, "label": content % 2, "subset": subset})
    found = groups.leaks(table, content)
    for what, values in (("persons", person), ("contents", content)):
        for a, b in (("forget", "retain"), ("retain", "unseen"), ("validation", "test")):
            both = set(values[table["subset"] == a]) & set(values[table["subset"] == b])
            assert found[what].get(f"{a} & {b}", 0) == len(both)
        assert "test & unseen" not in found[what]
    assert found["conflicts"] == 0


def test_conflicts_and_duplicates() -> None:
    table = pd.DataFrame(
        {
            "person": list("abcde"),
            "unit": list("aacde"),
            "label": [0, 1, 1, 1, 0],
            "subset": ["retain"] * 4 + ["excluded"],
        }
    )
    found = groups.leaks(table, pd.Series(["x", "x", "y", "y", "y"]))
    assert found["conflicts"] == 1
    assert found["duplicates"] == 2


@given(labels, labels)
def test_label_shift_is_a_distance(a: list[int], b: list[int]) -> None:
    shift = groups.label_shift(pd.Series(a, dtype=int), pd.Series(b, dtype=int), 4)
    assert 0 <= shift <= 1 + 1e-12
    assert shift == groups.label_shift(pd.Series(b, dtype=int), pd.Series(a, dtype=int), 4)
    if a and sorted(a) == sorted(b):
        assert shift == 0


def test_label_shift_of_disjoint_mixes_is_one() -> None:
    assert groups.label_shift(pd.Series([0, 0]), pd.Series([1]), 2) == 1
