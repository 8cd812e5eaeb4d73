"""What splits.json says of a split: counts, leaks, warnings."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.data import groups, subset_names


def summary(
    table: pd.DataFrame, content: pd.Series, names: list[str], task: str, protocol: str, seed: int, notes: list[str]
) -> dict[str, Any]:
    """Counts, label mixes and leaks of a table of `splits.COLUMNS`; `content` [N] is the hash of every picture."""
    used = table[table["subset"] != "excluded"]
    by_label = pd.crosstab(used["subset"], used["label"]).reindex(columns=range(len(names)), fill_value=0)
    by_label.columns = pd.Index(names)
    kinds = table["reason"].str.replace(r" of image \d+$", "", regex=True)
    found = groups.leaks(table, content)
    forget, unseen = (used["label"][used["subset"] == name] for name in ("forget", "unseen"))
    keys_of_units = table.groupby("unit")["person"].nunique()
    return {
        "protocol": protocol,
        "task": task,
        "seed": seed,
        "counts": _ordered(table["subset"].value_counts().to_dict()),
        "persons": _ordered(table.groupby("subset")["person"].nunique().to_dict()),
        "units": _ordered(table.groupby("subset")["unit"].nunique().to_dict()),
        "person_keys": int(table["person"].nunique()),
        "units_in_all": len(keys_of_units),
        "units_with_several_keys": int((keys_of_units > 1).sum()),
        "labels": _ordered(by_label.T.to_dict()),
        "label_shift": groups.label_shift(forget, unseen, len(names)),
        "excluded": {str(k): int(v) for k, v in kinds[kinds != ""].value_counts().sort_index().items()},
        "leaks": found,
        "warnings": warnings(found),
        "notes": notes,
    }


def _ordered(by_subset: dict[Any, Any]) -> dict[str, Any]:
    order = [*subset_names.SUBSETS, "excluded"]
    return {name: by_subset[name] for name in order if name in by_subset}


def warnings(found: dict[str, Any]) -> list[str]:
    """A sentence for each leak that `groups.leaks` found."""
    sentences = []
    for what, noun in (("contents", "identical pictures"), ("persons", "person keys"), ("units", "persons")):
        sentences += [f"{count} {noun} in both {pair.replace(' & ', ' and ')}" for pair, count in found[what].items()]
    if cut := found["cut_persons"]:
        shown = ", ".join(map(str, cut[: groups.EXAMPLES])) + (", …" if len(cut) > groups.EXAMPLES else "")
        sentences.append(f"{len(cut)} person key(s) cut in two, such as on image {shown}")
    if found["conflicts"]:
        sentences.append(f"{found['conflicts']} group(s) of identical pictures with different labels")
    if found["duplicates"]:
        sentences.append(f"{found['duplicates']} duplicate pictures in retain and forget")
    return sentences
