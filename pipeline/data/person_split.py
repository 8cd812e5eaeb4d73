"""Protocol `person`: whole units on one side, duplicates left out, unseen with the label mix of forget.

How the parts make a split is told in `pipeline.data.splits`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.data import balance
from pipeline.errors import ConfigError, DataError
from pipeline.settings import SplitSettings


def exclusions(table: pd.DataFrame, content: pd.Series, reason: pd.Series, duplicates: str) -> pd.Series:
    """Reasons of exclusion: no label, identical pictures that disagree on the label, duplicates."""
    known = reason == ""
    disagree = known & (table["label"][known].groupby(content[known]).transform("nunique").reindex(table.index) > 1)
    reason = reason.mask(disagree, "identical pictures with different labels")
    if duplicates == "keep":
        return reason
    left = reason == ""
    first = table["image"][left].groupby(content[left]).transform("min").reindex(table.index)
    copy = left & (first != table["image"])
    return reason.mask(copy, "duplicate of image " + first.fillna(-1).astype("int64").astype(str))


def draw_sides(
    used: pd.DataFrame, classes: int, settings: SplitSettings, kept: Mapping[str, str], seed: int
) -> tuple[dict[str, str], np.random.Generator]:
    """Side of every unit, whoever asks to be forgotten, and the generator to go on drawing with."""
    rng = np.random.default_rng(seed)
    counts = pd.crosstab(used["unit"], used["label"]).reindex(columns=range(classes), fill_value=0)
    goal = {"forget": settings.forget_fraction, "validation": settings.validation_fraction}
    goal["pool"] = settings.test_fraction
    if sum(goal.values()) >= 1:
        told = ", ".join(f"{name} {share:.2f}" for name, share in goal.items())
        raise ConfigError(f"split: nothing is left to retain ({told} of all images): lower the fractions")
    stay = _stay(used, kept)
    fresh = counts[~counts.index.isin(stay)]
    goals = {name: share * fresh.to_numpy().sum() for name, share in goal.items()}
    drawn: list[str] = balance.assign(fresh.to_numpy(), goals, rng).tolist() if len(fresh) else []
    return {**stay, **dict(zip(fresh.index, drawn, strict=True))}, rng


def _stay(used: pd.DataFrame, kept: Mapping[str, str]) -> dict[str, str]:
    """Unit -> the side of its persons. Where new pictures join persons of two sides, it is one that is learned."""
    if not kept:
        return {}
    side = used["person"].map(kept)
    found = side.groupby(used["unit"]).agg(lambda own: sorted(set(own.dropna())))
    return {str(unit): own[0] if len(own) == 1 else "retain" for unit, own in found.items() if own}


def subsets(
    used: pd.DataFrame,
    everyone: pd.DataFrame,
    classes: int,
    drawn: Mapping[str, str],
    persons: list[str],
    forgotten: list[str],
    rng: np.random.Generator,
) -> tuple[pd.Series, list[str]]:
    """Subset of every used image, and notes."""
    before, _ = _asked_units(everyone, forgotten)
    asked, notes = _asked_units(everyone, persons)
    earlier = set(before) - set(asked)  # who asks now may share pictures with them that came in since: learned ones
    if before and not asked:
        raise DataError(
            "there is nobody new to forget: the model that this round starts from has forgotten every open request. "
            "Enter a request (`dlfd request add`), or set unlearn.start_from: original"
        )
    if absent := set(persons) - set(used["person"]):
        notes.append(f"every picture of {len(absent)} person(s) to forget is excluded, see `reason` in splits.parquet")
    side = dict(drawn)
    if asked:
        side = {unit: "retain" if given == "forget" else given for unit, given in side.items()}
        side |= dict.fromkeys(asked, "forget") | dict.fromkeys(earlier, "forgotten")
    subset = used["unit"].map(side).astype(object)
    pool, labels = used[subset == "pool"], used["label"][subset == "forget"]
    mix, least = np.bincount(labels, minlength=classes), len(pool) if asked else 0
    unseen = balance.matching(pool["label"], mix, rng, least)
    return subset.mask(subset == "pool", "test").mask(subset.index.isin(unseen), "unseen"), notes


def sides(used: pd.DataFrame, subset: pd.Series, drawn: Mapping[str, str]) -> dict[str, str]:
    """Person -> side, for the rounds after this one: as drawn, but who is to be forgotten was learned before.

    Were such a person left in the pool, who withdraws after a round would be held out from a model that knows them.
    """
    learned = set(used["unit"][subset.isin(["forget", "forgotten"])])
    side = {unit: "retain" if unit in learned and given != "forget" else given for unit, given in drawn.items()}
    return {str(person): side[unit] for person, unit in used.groupby("person")["unit"].first().items()}


def _asked_units(table: pd.DataFrame, persons: list[str]) -> tuple[list[str], list[str]]:
    """Units of the persons to forget, and a note on each that takes other keys along."""
    by_person = table.groupby("person")["unit"].first()
    if unknown := [person for person in persons if person not in by_person.index]:
        close = [difflib.get_close_matches(person, by_person.index, n=1, cutoff=0) for person in unknown]
        told = [f"{person!r} (nearest: {near[0]!r})" for person, near in zip(unknown, close, strict=True)]
        # on a line of their own: MLflow is told the first line of an error, and no person
        raise ConfigError(f"split.forget_persons: {len(unknown)} unknown person(s):\n{', '.join(told)}")
    asked = sorted(set(by_person[persons])) if persons else []
    along = int((by_person.isin(asked) & ~by_person.index.isin(persons)).sum())
    note = f"{along} further person key(s) share pictures with the persons to forget and are forgotten as well"
    return asked, [note] if along else []
