"""Which runs fill the tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from pipeline.settings import Architecture


@dataclass(frozen=True)
class Variant:
    """One column of runs: a name and the settings that make it."""

    name: str
    settings: tuple[str, ...] = ()
    models: tuple[str, ...] = ()  # shown; empty: all
    as_published: bool = False  # the authors' figures, of the published split, are of the same method


def variants(number: int, methods: Iterable[str]) -> list[Variant]:
    """The runs of a table: 1 all methods, 2 every architecture, 3 the parts of DLFD, one changed at a time."""
    every = f"unlearn.methods=[{','.join(methods)}]"
    if number == 1:
        return [Variant("", (every,), as_published=True)]
    if number == 2:
        names = get_args(Architecture)
        return [Variant(n, (every, f"model.architecture={n}"), as_published=n == "resnet18") for n in names]
    changes = {
        "no OT distancing": "ot_weight=0",
        "no classification preservation": "classification_weight_end=0",
        "no dynamic forgetting": "dynamic=false",
        "the paper's λ, 0 to 1": "classification_weight_end=1",
        "a random push": "direction=random",
        "no push: a second clean copy": "steps=0",
        "ours off: no loss matching": "matching_weight=0",
        "ours off: the original is not followed": "distillation_weight=0",
        "ours off: no clean batch beside": "mix_clean=false",
        "ours off: no recovery share": "recovery_share=0",
        "the paper's form": "variant=paper",
    }
    alone = "unlearn.methods=[dlfd]"
    parts = [Variant(name, (alone, f"dlfd.{change}"), ("dlfd",)) for name, change in changes.items()]
    return [Variant("full", (alone,), as_published=True), *parts]
