"""Protocol `published`: the benchmark's own subsets, and a validation subset where it has none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.data import balance, subset_names
from pipeline.errors import ConfigError, DataError
from pipeline.settings import SplitSettings


def subsets(published: pd.Series, asked: list[str]) -> pd.Series:
    """The subset of every image, as published.

    Raises:
        ConfigError: somebody asked to be forgotten.
        DataError: an image has no published subset.
    """
    if asked:
        raise ConfigError(
            "split.forget_persons and open requests (`dlfd request list`) cannot go with `split.protocol: published`, "
            "whose forget set is fixed: set `split.protocol: person`, or empty the one and withdraw the others"
        )
    if absent := int((~published.isin(subset_names.PUBLISHED)).sum()):
        raise DataError(
            f"{absent} of {len(published)} images have no published subset: this data set comes without a split "
            "of its own. Set `split.protocol: person` in params.yaml"
        )
    return published


def with_validation(
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
