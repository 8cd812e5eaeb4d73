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

import difflib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data import balance, groups, tasks
from pipeline.errors import ConfigError, DataError
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
        sides: person -> retain, forget, validation or pool (held out), as drawn, whoever asks to be forgotten; empty
            under protocol `published`.
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
        subset = _published(faces["published_subset"].reset_index(drop=True), [*asked, *forgotten])
        if not (subset == "validation").any():
            subset, notes = _with_validation(subset, table, reason, len(names), settings, seed)
    else:
        reason = _exclusions(table, content, reason, settings.duplicates)
        used = table[reason == ""]
        drawn, rng = _drawn(used, len(names), settings, kept, seed)
        sides = {str(person): drawn[unit] for person, unit in used.groupby("person")["unit"].first().items()}
        subset, notes = _by_person(used, table, len(names), drawn, asked, sorted(forgotten), rng)
        subset = subset.reindex(table.index)
    if (table["person"] == faces["source"].to_numpy()).all():
        notes = [*notes, WITHOUT_PERSONS]
    table["subset"] = subset.where(reason == "", "excluded").astype(str)
    table["reason"] = reason
    _check_filled(table, settings, asked)
    summary = _summary(table, content, names, task, settings.protocol, seed, notes)
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
    sides.to_csv(folder / "sides.csv", index=False)


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


def _published(published: pd.Series, asked: list[str]) -> pd.Series:
    if asked:
        raise ConfigError(
            "split.forget_persons and open requests (`dlfd request list`) cannot go with `split.protocol: published`, "
            "whose forget set is fixed: set `split.protocol: person`, or empty the one and withdraw the others"
        )
    if absent := int((~published.isin(groups.PUBLISHED)).sum()):
        raise DataError(
            f"{absent} of {len(published)} images have no published subset: this data set comes without a split "
            "of its own. Set `split.protocol: person` in params.yaml"
        )
    return published


def _with_validation(
    subset: pd.Series, table: pd.DataFrame, reason: pd.Series, classes: int, settings: SplitSettings, seed: int
) -> tuple[pd.Series, list[str]]:
    """The subsets with a validation subset out of retain, and a note. Units that are on another side as well stay."""
    used = reason == ""
    elsewhere = used & (subset != "retain")
    free = table[used & ~table["unit"].isin(table["unit"][elsewhere])]
    wanted = settings.validation_fraction * (used & (subset == "retain")).sum()
    if wanted >= len(free):
        raise ConfigError(
            f"split.validation_fraction {settings.validation_fraction:g} of the retained images is all "
            f"of the {len(free)} that can be taken: lower it"
        )
    counts = pd.crosstab(free["unit"], free["label"]).reindex(columns=range(classes), fill_value=0)
    side = balance.assign(counts.to_numpy(), {"validation": wanted}, np.random.default_rng(seed))
    taken = free.index[free["unit"].isin(counts.index[side == "validation"])]
    note = (
        f"the published split has no validation subset: {len(taken)} of its retained images were taken for one "
        "(split.validation_fraction), which is this pipeline's choice and not the benchmark's"
    )
    return subset.mask(subset.index.isin(taken), "validation"), [note]


def _exclusions(table: pd.DataFrame, content: pd.Series, reason: pd.Series, duplicates: str) -> pd.Series:
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


def _drawn(
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


def _by_person(
    used: pd.DataFrame,
    everyone: pd.DataFrame,
    classes: int,
    drawn: Mapping[str, str],
    persons: list[str],
    forgotten: list[str],
    rng: np.random.Generator,
) -> tuple[pd.Series, list[str]]:
    """Subset of every used image, and notes."""
    earlier, _ = _asked_units(everyone, forgotten)
    asked, notes = _asked_units(everyone, persons)
    if earlier and not set(asked) - set(earlier):
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


def _check_filled(table: pd.DataFrame, settings: SplitSettings, asked: list[str]) -> None:
    filled = set(table["subset"])
    empty = [name for name in groups.SUBSETS if name not in groups.OPTIONAL and name not in filled]
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


def _summary(
    table: pd.DataFrame, content: pd.Series, names: list[str], task: str, protocol: str, seed: int, notes: list[str]
) -> dict[str, Any]:
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
    order = [*groups.SUBSETS, "excluded"]
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
