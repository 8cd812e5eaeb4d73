from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import trials
from pipeline import config
from pipeline.errors import ConfigError


def test_a_line_changes_the_knobs_that_it_names_alone() -> None:
    name, settings = trials.read("dlfd matching_weight=0.7 mix_clean=false variant=matched")
    shipped = config.method_settings("dlfd")
    assert name == "dlfd"
    assert (settings.matching_weight, settings.mix_clean) == (0.7, False)
    assert settings.learning_rate == shipped.learning_rate
    assert trials.read("finetune") == ("finetune", config.method_settings("finetune"))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("dlfd matching=1", "matching_weight"),
        ("dlfd matching_weight=-1", "matching_weight"),
        ("fintune", "finetune"),
    ],
)
def test_what_cannot_be_run_is_named(line: str, names: str) -> None:
    with pytest.raises(ConfigError, match=names):
        trials.read(line)


def test_the_table_has_the_spread_over_seeds_and_yardsticks_without_one() -> None:
    of = dict.fromkeys(trials.COLUMNS.values(), 0.5)
    rows = [
        {"trial": "original", "seed": 0, **of},
        {"trial": "dlfd", "seed": 0, **of, "seconds": 9.0},
        {"trial": "dlfd", "seed": 1, **{**of, "auc": 0.7}, "seconds": 11.0},
    ]
    *_, original, dlfd = trials.markdown(pd.DataFrame(rows), Path("results/some.txt"), "0,1").splitlines()
    assert original == "| original | .500 | .500 | .500 | .500 | .500 |  |"
    assert dlfd == "| dlfd | .500 ± .000 | .500 ± .000 | .500 ± .000 | .600 ± .141 | .500 ± .000 | 10 |"
