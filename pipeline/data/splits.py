"""Who is retained, forgotten, held out.

Protocol `person`, the sound one: whole units (`groups.units`) go to one side, so neither a person nor a picture is on
two. Of the persons held out for testing, `unseen` is drawn to match the forget set's label mix, so that an attack
which tells the two apart measures memory and not a shift of labels; the others are `test`. Persons to forget by name
(`split.forget_persons`, the open requests) take the place of the random forget set, which is retained instead; all
others stay where they are, so that no request makes a held-out person one who is learned. However few they are, unseen
is as large as their label mix allows. Persons of earlier rounds are `forgotten`: in no subset that anybody learns,
unlearns or compares with. Sides that are kept (`pipeline.erasure.rounds`) are followed, and only newcomers drawn.
Protocol `published`: the benchmark's own subsets, leaks and all, to compare with papers; leaks become warnings. Where
it has no validation subset, one is taken out of retain by whole units, and a note says so.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from pipeline import layout
from pipeline.data import groups, person_split, published_split, split_summary, store, subset_names, tasks
from pipeline.errors import DataError
from pipeline.settings import SplitSettings

COLUMNS = ("image", "person", "unit", "label", "subset", "reason")
WITHOUT_PERSONS = (
    "the data does not say who is on its pictures: each distinct picture is a unit, and other pictures of a person may "
    "be on another side"
)


@dataclass(frozen=True)
class Split:
    """A split.

    Attributes:
        table: one row an image of the store: COLUMNS. `subset`: retain, forget, validation, test, unseen or excluded;
            `reason`: why it is excluded, else empty. `label` is the task's, -1 where unknown. `forgotten`: in an
            earlier round.
        summary: what splits.json says: protocol, counts, leaks, warnings, notes.
        sides: person -> retain, forget, validation or pool (held out): as drawn, but retain for who was held out and
            asked to be forgotten, since the model has learned them; empty under protocol `published`.
    """

    table: pd.DataFrame
    summary: dict[str, Any]
    sides: dict[str, str] = field(default_factory=dict)


def make(
    faces: pd.DataFrame,
    classes: dict[str, list[str]],
    *,
    task: str,
    settings: SplitSettings,
    seed: int,
    requested: Collection[str] = (),
    forgotten: Collection[str] = (),
    kept: Mapping[str, str] = MappingProxyType({}),
) -> Split:
    """Split the images of a store; the same arguments give the same split.

    Args:
        faces: the store's table.
        classes: task -> class names, as the store says.
        requested: persons who asked to be forgotten, beside those of `settings.forget_persons`.
        forgotten: persons whom the model that this round starts from has forgotten.
        kept: person -> side, of persons who must stay there.

    Raises:
        DataError: no labels for the task, no published subsets, or a subset that would be empty, nobody new to
            forget.
        ConfigError: fractions of 1 or more in all, an unknown person in `forget_persons`, or persons to forget
            together with protocol `published`.
    """
    names = tasks.label_names(classes, task)
    table = pd.DataFrame(
        {
            "image": faces["image"].to_numpy(),
            "person": faces["person"].astype(str).to_numpy(),
            "unit": groups.units(faces["person"], faces["content"]),
            "label": tasks.labels(faces, task).to_numpy(),
        }
    )
    content = faces["content"].reset_index(drop=True)
    reason = _unknown_labels(table, task)
    notes: list[str] = []
    asked = sorted({*settings.forget_persons, *requested})
    sides: dict[str, str] = {}
    if settings.protocol == "published":
        subset = published_split.subsets(faces["published_subset"].reset_index(drop=True), [*asked, *forgotten])
        if not (subset == "validation").any():
            subset, notes = published_split.with_validation(subset, table, reason, len(names), settings, seed)
    else:
        reason = person_split.exclusions(table, content, reason, settings.duplicates)
        used = table[reason == ""]
        drawn, rng = person_split.draw_sides(used, len(names), settings, kept, seed)
        subset, notes = person_split.subsets(used, table, len(names), drawn, asked, sorted(forgotten), rng)
        sides = person_split.sides(used, subset, drawn)
        subset = subset.reindex(table.index)
    if not store.has_identities(faces):
        notes = [*notes, WITHOUT_PERSONS]
    table["subset"] = subset.where(reason == "", "excluded").astype(str)
    table["reason"] = reason
    _check_filled(table, settings, asked)
    summary = split_summary.summary(table, content, names, task, settings.protocol, seed, notes)
    by_name = {"forget_by_name": len(asked)} if asked else {}
    earlier = {"forgotten_earlier": len(forgotten)} if forgotten else {}
    return Split(table, summary | by_name | earlier, sides)


def write(split: Split, folder: Path) -> None:
    """Write splits.parquet, splits.json and sides.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    split.table.to_parquet(folder / "splits.parquet", index=False)
    summary = json.dumps(split.summary, indent=2, ensure_ascii=False)
    (folder / "splits.json").write_text(summary + "\n", encoding="utf-8")
    sides = pd.DataFrame(sorted(split.sides.items()), columns=["person", "side"])
    sides.to_csv(folder / layout.SIDES.name, index=False)


def forgets_by_name(folder: Path) -> bool:
    """Whether the forget set is of named persons, however few, and not a random share.

    Raises:
        DataError: splits.json is missing or damaged.
    """
    path = folder / "splits.json"
    try:
        return "forget_by_name" in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is missing or damaged ({error}): delete it and run `dvc repro split`") from None


def read(folder: Path) -> pd.DataFrame:
    """The table of splits.parquet, as it is: `checks.check` says whether it can be used.

    Raises:
        DataError: missing or damaged.
    """
    path = folder / "splits.parquet"
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise DataError(f"{path} not found: run `dvc repro split`") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}): delete it and run `dvc repro split`") from None


def _unknown_labels(table: pd.DataFrame, task: str) -> pd.Series:
    """Reason of exclusion, [N]: empty where there is none."""
    return pd.Series("", index=table.index).mask(table["label"] < 0, f"no label for {task}")


def _check_filled(table: pd.DataFrame, settings: SplitSettings, asked: list[str]) -> None:
    filled = set(table["subset"])
    empty = [name for name in subset_names.SUBSETS if name not in subset_names.OPTIONAL and name not in filled]
    if not empty:
        return
    used, persons = (table["subset"] != "excluded").sum(), table["unit"].nunique()
    if settings.protocol == "published":
        remedy = "the published split does not fit this data; set `split.protocol: person`"
    elif asked and "forget" in empty:
        remedy = (
            "every picture of the persons to forget is excluded (`reason` in splits.parquet would say why), so that no "
            "model learns them: there is nothing to unlearn"
        )
    else:
        remedy = "it takes more persons, or other fractions under `split:` in params.yaml"
    raise DataError(
        f"the split has no image in {', '.join(empty)} ({used} of {len(table)} images can be used, "
        f"of {persons} person(s)): {remedy}"
    )
