"""Models with a known truth, as results without pictures: persons of known difficulty, margins moved where learned."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.evaluation.audit import Yardstick
from pipeline.evaluation.samples import Results, _classes

CLASSES, WIDTH = 6, 12
PERSONS = {"retain": 150, "forget": 80, "validation": 40, "test": 60, "unseen": 80}
PICTURES = 3


def results(seed: int, learned: tuple[str, ...] = ("retain",), harder: float = 0.0, **shift: float) -> Results:
    """A model that learned some subsets; `shift` moves its margins on others. Pictures are the same for every seed.

    `harder` makes the pictures of forget harder for every model: a property of the world, not of this one.
    """
    shift = {**shift, "forget": shift.get("forget", 0.0) - harder}
    world, own = np.random.default_rng(0), np.random.default_rng(seed)
    parts = [
        _subset(name, persons, world, own, name in learned, shift.get(name, 0.0)) for name, persons in PERSONS.items()
    ]
    table = pd.concat([part.table for part in parts], ignore_index=True)
    table["image"] = np.arange(len(table))
    labels, logits, features = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("labels", "logits", "features")
    )
    return Results(table, labels, logits, features)


def _subset(
    name: str, persons: int, world: np.random.Generator, own: np.random.Generator, learned: bool, shift: float
) -> Results:
    count = persons * PICTURES
    unit = np.repeat(np.arange(persons), PICTURES)
    labels = world.integers(CLASSES, size=count)
    ease = world.normal(0, 0.7, persons)[unit] + world.normal(0, 0.7, count)
    margin = 1 + ease + own.normal(0, 0.8, count) + shift + (3 + own.exponential(1, count)) * learned
    logits = own.normal(0, 1, (count, CLASSES))
    others = np.where(np.arange(CLASSES) == labels[:, None], -np.inf, logits)
    logits[np.arange(count), labels] = margin + np.log(np.exp(others).sum(1))
    features = own.normal(0, 1, (count, WIDTH))
    features[np.arange(count), labels] += 0.5 * margin
    table = pd.DataFrame({"subset": name, "unit": [f"{name}{u}" for u in unit], **_classes(logits, labels)})
    return Results(table, labels.astype(np.int16), logits.astype(np.float32), features.astype(np.float16))


def oracle(seed: int = 100, harder: float = 0.0) -> Yardstick:
    found = results(seed, harder=harder)
    return Yardstick("oracle", found, found.table["subset"].eq("retain").to_numpy())


def silent() -> Results:
    """Constant logits."""
    plain = results(0)
    table = plain.table.assign(loss=np.log(CLASSES), margin=-np.log(CLASSES - 1), correct=False)
    return Results(table, plain.labels, np.zeros_like(plain.logits), plain.features)


def reference(number: int) -> Yardstick:
    """A model that learned the even or the odd persons of retain, forget and unseen."""
    plain, knows = results(200 + number), results(200 + number, ("retain", "forget", "unseen"))
    pool = plain.table["subset"].isin(["retain", "forget", "unseen"])
    even = plain.table["unit"].str.extract(r"(\d+)$")[0].astype(int) % 2 == number % 2
    learned = (pool & even).to_numpy()
    table = plain.table.where(pd.Series(~learned), knows.table)
    logits = np.where(learned[:, None], knows.logits, plain.logits)
    return Yardstick("reference", Results(table, plain.labels, logits, plain.features), learned)
