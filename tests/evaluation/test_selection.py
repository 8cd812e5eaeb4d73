"""Places of forgotten persons among those of validation: planted truths with known answers, for one person and many."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from planted import oracle, results, silent

from pipeline.evaluation.samples import Results
from pipeline.evaluation.selection import figures
from pipeline.settings import AuditSettings, EvaluateSettings

ORACLE = oracle().results
ATTACKING = EvaluateSettings(bootstrap=200)


def of_persons(one: Results, chosen: list[int]) -> Results:
    """With these persons alone in forget."""
    names = [f"forget{number}" for number in chosen]
    rows = (one.table["subset"].ne("forget") | one.table["unit"].isin(names)).to_numpy()
    table = one.table[rows].reset_index(drop=True)
    return Results(table, one.labels[rows], one.logits[rows], one.features[rows])


def found(model: Results, chosen: list[int], yard: Results = ORACLE) -> dict[str, Any]:
    told = figures(of_persons(model, chosen), of_persons(yard, chosen), AuditSettings(), ATTACKING, 0)
    return {name.removeprefix("validation_"): value for name, value in told.items()}


@pytest.mark.parametrize("chosen", [[0], [1, 2, 3], list(range(12))])
def test_persons_who_are_remembered_or_pushed_away_stand_out(chosen: list[int]) -> None:
    remembers = found(results(0, ("retain", "forget")), chosen)
    assert remembers["persons"] == len(chosen)
    assert remembers["persons_detected"] >= 0.6 * len(chosen)
    assert remembers["persons_over_forgotten"] == 0
    pushed = found(results(0, forget=-6.0), chosen)
    assert pushed["persons_over_forgotten"] >= 0.6 * len(chosen)
    assert pushed["persons_detected"] == 0
    forgotten = found(results(0), chosen)
    assert forgotten["person_nomus"] > max(remembers["person_nomus"], pushed["person_nomus"])


def test_of_many_persons_there_is_a_verdict_of_few_there_is_none() -> None:
    everybody, knows = list(range(80)), ("retain", "forget")
    told = {
        name: found(model, everybody)
        for name, model in {
            "remembers": results(0, knows),
            "over-forgotten": results(0, forget=-6.0),
            "forgotten": results(0),
        }.items()
    }
    assert {name: one["verdict"] for name, one in told.items()} == {name: name for name in told}
    assert told["remembers"]["auc"] > 0.85 > 0.6 > told["forgotten"]["auc"] > 0.4 > told["over-forgotten"]["auc"]
    assert found(results(0, knows), [0])["verdict"] == "too few persons"


@pytest.mark.parametrize("harder", [-0.8, 0.0, 0.8])
def test_a_model_that_never_saw_them_is_refused_as_rarely_as_chance_has_it(harder: float) -> None:
    alarms = []
    yard = oracle(harder=harder).results
    for seed in range(5):
        model = results(seed, harder=harder)
        for person in range(0, 80, 8):
            told = found(model, [person], yard)
            alarms.append(told["persons_detected"] + told["persons_over_forgotten"])
    assert np.mean(alarms) <= 0.12, "above or below all of forty persons and fewer: one in twenty"


def test_what_chose_nothing_is_not_read() -> None:
    model = results(0, ("retain", "forget"))
    held_out = model.table["subset"].isin(["unseen", "test"])
    other = dataclasses.replace(model, table=model.table.assign(margin=model.table["margin"].mask(held_out, 9.0)))
    assert found(model, [0]) == found(other, [0])


def test_a_model_that_says_nothing_detects_nobody() -> None:
    told = found(silent(), [0])
    assert (told["persons_detected"], told["persons_over_forgotten"]) == (0, 0)
    assert told["person_nomus"] == 0.5, "no accuracy, nobody found"


def test_the_oracle_beside_itself_tells_nobody_apart() -> None:
    told = found(ORACLE, [0])
    assert (told["persons_detected"], told["persons_over_forgotten"]) == (0, 0)


@pytest.mark.parametrize(("common", "same_labels"), [(25, True), (15, False)])
def test_others_have_the_same_labels_where_these_are_of_enough_persons(common: int, same_labels: bool) -> None:
    """A class that moves along is no memory of one person; but of a rare one there is nobody to compare with."""

    def of_one_label(one: Results) -> Results:
        number = one.table["unit"].str.extract(r"validation(\d+)")[0].astype(float)
        label = np.where((number < common) | one.table["subset"].eq("forget"), 0, 1)
        return dataclasses.replace(one, table=one.table.assign(label=label))

    model, yard = of_one_label(results(0)), of_one_label(ORACLE)
    moved = model.table["margin"] + np.where(model.table["label"] == 0, -6.0, 0.0)
    told = found(dataclasses.replace(model, table=model.table.assign(margin=moved)), [0], yard)
    alone = model.table["margin"] + np.where(model.table["unit"] == "forget0", -6.0, 0.0)
    pushed = found(dataclasses.replace(model, table=model.table.assign(margin=alone)), [0], yard)
    assert pushed["persons_over_forgotten"] == 1
    assert told["persons_detected"] == 0
    if same_labels:
        assert told["persons_over_forgotten"] == 0
        assert told["person_nomus"] > pushed["person_nomus"]
