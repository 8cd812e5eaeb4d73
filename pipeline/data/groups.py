"""Who belongs together: units of a sound split, leaks between subsets, and how far two label mixes are apart."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.subset_names import HELD_OUT, SUBSETS

EXAMPLES = 5


def units(person: pd.Series, content: pd.Series) -> np.ndarray:
    """Connected components over *same person key* and *same picture*.

    A person may go by several keys (MUFAC gives one child of two families two): a picture that two keys share
    joins them, so that no unit has a person or a picture in common with another.

    Args:
        person: [N] keys.
        content: [N] hashes of the decoded pictures.

    Returns:
        [N] str: each image's unit, named by the least of its person keys.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    people, keys = pd.factorize(person)
    pictures, hashes = pd.factorize(content)
    size = len(keys) + len(hashes)
    edges = coo_array((np.ones(len(people), dtype=np.int8), (people, len(keys) + pictures)), shape=(size, size))
    component = connected_components(edges, directed=False)[1][people]
    return person.astype(str).groupby(component).transform("min").to_numpy(dtype=object)


def sides_touched(subset: pd.Series, by: pd.Series) -> pd.Series:
    """[N]: on how many sides the images with the same `by` lie; test and unseen are one side, `excluded` is none."""
    side = subset.replace(dict.fromkeys(HELD_OUT, "held out")).mask(subset == "excluded")
    return side.groupby(by).transform("nunique")


def shared(subset: pd.Series, by: pd.Series) -> dict[str, int]:
    """How many values of `by` two subsets on different sides have in common: {'forget & retain': 18, …}."""
    there = {name: set(by[subset == name]) for name in SUBSETS}
    counts = {f"{a} & {b}": len(there[a] & there[b]) for a, b in combinations(SUBSETS, 2) if (a, b) != HELD_OUT}
    return {pair: count for pair, count in counts.items() if count}


def leaks(table: pd.DataFrame, content: pd.Series) -> dict[str, Any]:
    """What a split lets through, in counts.

    Args:
        table: `person`, `unit`, `label`, `subset`, one row an image.
        content: [N] hashes of the decoded pictures, in the same order.

    Returns:
        contents, persons, units: shared between two sides, by pair of sides; cut_persons: the first row of each;
        conflicts: groups of identical pictures with different labels; duplicates: pictures in retain and forget
        beyond the first of each content.
    """
    used = table["subset"] != "excluded"
    table, content = table[used], content[used]
    subset, person = table["subset"], table["person"]
    rows = table.index.to_series()
    train = content[subset.isin(["retain", "forget"])]
    return {
        "contents": shared(subset, content),
        "persons": shared(subset, person),
        "units": shared(subset, table["unit"]),
        "cut_persons": sorted(rows[sides_touched(subset, person) > 1].groupby(person).min()),
        "conflicts": int((table["label"].groupby(content).nunique() > 1).sum()),
        "duplicates": int(len(train) - train.nunique()),
    }


def label_mix(labels: pd.Series | np.ndarray, classes: int) -> np.ndarray:
    """Share of each class, [C], adding up to 1; zeros for no labels."""
    counts = np.bincount(np.asarray(labels, dtype=np.int64), minlength=classes)
    return counts / max(counts.sum(), 1)


def label_shift(a: pd.Series | np.ndarray, b: pd.Series | np.ndarray, classes: int) -> float:
    """Total variation distance between two label mixes, in [0, 1]."""
    return float(np.abs(label_mix(a, classes) - label_mix(b, classes)).sum() / 2)
