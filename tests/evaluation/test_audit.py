"""The audit as an instrument: planted truths with known answers, whatever the difficulty of the forget set."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted import oracle, reference, results, silent

from pipeline.errors import DataError
from pipeline.evaluation import verdict
from pipeline.evaluation.audit import RELATIVE, Audit, audit
from pipeline.evaluation.samples import Results
from pipeline.evaluation.signals import SIGNALS
from pipeline.settings import AuditSettings, EvaluateSettings

SEEDS = range(3)
HARDER = (-0.8, 0.0, 0.8)  # forget is easier, alike, harder than unseen for every model
ATTACKING = EvaluateSettings(bootstrap=300)


def audited(model: Results, seed: int = 0, yardsticks: list[Any] | None = None, **settings: Any) -> Audit:
    return audit(model, yardsticks or [oracle()], AuditSettings(**settings), ATTACKING, seed)


def changed(one: Results, rows: np.ndarray, **columns: Any) -> Results:
    table = one.table.copy()
    for name, value in columns.items():
        table.loc[rows, name] = value
    return dataclasses.replace(one, table=table)


@pytest.mark.parametrize("harder", HARDER)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_model_that_memorised_the_forget_set_remembers(seed: int, harder: float) -> None:
    found = audited(results(seed, ("retain", "forget"), harder=harder), seed, [oracle(harder=harder)])
    assert found.figures["verdict"] == "remembers"
    assert found.figures["strongest_auc_low"] > 0.8
    assert found.figures["persons_detected"] > 0.6 * found.figures["persons_audited"]
    assert found.figures["js_forget"] > found.figures["js_unseen"]


@pytest.mark.parametrize("harder", HARDER)
@pytest.mark.parametrize("seed", range(8))
def test_a_held_out_oracle_passes_every_audit(seed: int, harder: float) -> None:
    found = audited(results(seed, harder=harder), seed, [oracle(harder=harder)])
    assert found.figures["verdict"] == "forgotten"
    assert found.figures["calibrated_auc"] == pytest.approx(0.5, abs=0.06)
    assert found.figures["persons_detected"] <= 0.08 * found.figures["persons_audited"]
    if harder:
        assert abs(float(found.figures["loss_auc"]) - 0.5) > 0.1, "the plain attack is fooled, or this is no test"


@pytest.mark.parametrize("harder", HARDER)
@pytest.mark.parametrize("seed", SEEDS)
def test_losses_far_above_those_of_unseen_are_over_forgetting(seed: int, harder: float) -> None:
    found = audited(results(seed, harder=harder, forget=-3.0), seed, [oracle(harder=harder)])
    assert found.figures["verdict"] == "over-forgotten"
    assert found.figures["strongest_auc_high"] < 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_label_noise_on_forget_alone_is_over_forgetting(seed: int) -> None:
    model = results(seed, ("retain", "forget"))
    rows = model.table["subset"].eq("forget").to_numpy()
    wrong = model.table["margin"].where(~rows, -model.table["margin"])  # sure of another label than its own
    found = audited(dataclasses.replace(model, table=model.table.assign(margin=wrong)), seed)
    assert found.figures["verdict"] == "over-forgotten"


@pytest.mark.parametrize("harder", HARDER)
def test_a_model_that_says_nothing_has_forgotten(harder: float) -> None:
    found = audited(silent(), yardsticks=[oracle(harder=harder)])
    assert found.figures["verdict"] == "forgotten"
    own = found.attacks.set_index("attack").drop(index="rmia")  # which reads the oracle
    assert (own[["auc", "accuracy", "low", "high", "auc_low", "auc_high"]] == 0.5).all().all()


def test_forget_and_unseen_that_are_the_same_pictures_cannot_be_told_apart() -> None:
    def doubled(one: Results) -> Results:
        unseen = one.of("unseen")
        both = [one.of("retain", "validation", "test"), unseen, unseen]
        tables = [both[0].table, unseen.table, unseen.table.assign(subset="forget")]
        rest = [np.concatenate([getattr(part, name) for part in both]) for name in ("labels", "logits", "features")]
        return Results(pd.concat(tables, ignore_index=True), *rest)

    yard = doubled(oracle().results)
    model = doubled(results(3, ("retain", "unseen")))
    other = dataclasses.replace(oracle(), results=yard, learned=np.zeros(len(yard.table), bool))
    found = audited(model, yardsticks=[other])
    assert found.figures["verdict"] == "forgotten"
    assert (found.attacks["auc"] == 0.5).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_little_memory_is_more_than_none(seed: int) -> None:
    steps = [float(audited(results(seed, forget=shift), seed).figures["calibrated_auc"]) for shift in (0, 0.7, 2, 4)]
    assert sorted(steps) == steps


@pytest.mark.parametrize(("kept", "word"), [(6.0, "remembers"), (-6.0, "over-forgotten")])
def test_a_few_persons_are_enough(kept: float, word: str) -> None:
    model = results(1)
    rows = model.table["unit"].isin([f"forget{number}" for number in range(9)]).to_numpy()
    found = audited(changed(model, rows, margin=model.table["margin"][rows] + kept))
    assert found.figures["verdict"] == word
    assert abs(float(found.figures["calibrated_auc"]) - 0.5) < 0.12, "the area hardly moves"
    assert (found.figures["persons_detected"] >= 9) == (kept > 0)


def test_half_kept_and_half_over_forgotten_is_not_forgotten() -> None:
    model = results(1)
    number = model.table["unit"].str.extract(r"forget(\d+)")[0].astype(float)
    margin = model.table["margin"] + np.where(number < 40, 4, 0) - np.where(number >= 40, 4, 0)
    found = audited(dataclasses.replace(model, table=model.table.assign(margin=margin)))
    assert found.figures["verdict"] == "remembers"


def test_the_oracle_itself_is_the_yardstick() -> None:
    found = audit(oracle().results, [oracle()], AuditSettings(), ATTACKING, 0, is_oracle=True)
    assert found.figures["verdict"] == "yardstick"
    plain = found.attacks.dropna(subset="minus_oracle")
    assert (plain[["minus_oracle", "minus_oracle_low", "minus_oracle_high"]] == 0).all().all()
    for name in ("js_forget", "js_unseen", "js_retain", "activation_distance_forget", "margin_distance_forget"):
        assert found.figures[name] == pytest.approx(0, abs=1e-12)
    assert found.figures["cka_forget"] == pytest.approx(1)
    assert found.figures["calibrated_auc"] == 0.5


def test_swapped_sides_swap_the_verdict() -> None:
    model = results(0, ("retain", "forget"))
    names = {"forget": "unseen", "unseen": "forget"}

    def swapped(one: Results) -> Results:
        return dataclasses.replace(one, table=one.table.assign(subset=one.table["subset"].replace(names)))

    yard = dataclasses.replace(oracle(), results=swapped(oracle().results))
    there, back = audited(model), audited(swapped(model), yardsticks=[yard])
    assert (there.figures["verdict"], back.figures["verdict"]) == ("remembers", "over-forgotten")
    assert back.figures["loss_auc"] == pytest.approx(1 - float(there.figures["loss_auc"]))


def test_the_order_of_the_pictures_does_not_matter() -> None:
    model, yard = results(0, ("retain", "forget")), oracle()
    order = np.random.default_rng(0).permutation(len(model.table))

    def shuffled(one: Results) -> Results:
        table = one.table.iloc[order].reset_index(drop=True)
        return Results(table, one.labels[order], one.logits[order], one.features[order])

    moved = dataclasses.replace(yard, results=shuffled(yard.results), learned=yard.learned[order])
    plain, other = audited(model), audited(shuffled(model), yardsticks=[moved])
    for name in plain.figures:
        if name.endswith(("_auc", "_low", "_high")) or name.startswith(("js_", "persons")):
            assert plain.figures[name] == pytest.approx(other.figures[name], abs=1e-9), name


def test_nothing_is_audited_with_the_data_that_chose_the_model() -> None:
    model = results(0)
    own = model.table["subset"].eq("validation").to_numpy()
    other = changed(model, own, loss=7.0, margin=7.0)
    logits, features = model.logits.copy(), model.features.copy()
    logits[own], features[own] = 3.0, 0.0
    assert audited(dataclasses.replace(other, logits=logits, features=features)).figures == audited(model).figures


def test_reference_models_add_lira_which_is_the_stronger_the_more_it_knows() -> None:
    yard = [oracle(), *(reference(number) for number in (1, 2, 3, 4))]
    found = audited(results(0, ("retain", "forget")), yardsticks=yard)
    auc = found.attacks.set_index("attack")["auc"]
    assert {*auc.index} == {*SIGNALS, *RELATIVE}, "docs/audits.md explains these"
    assert {*verdict.JUDGES} <= {*RELATIVE}
    assert auc["lira"] > auc["loss"]
    assert found.figures["verdict"] == "remembers"
    assert audited(results(5), yardsticks=yard).figures["verdict"] == "forgotten"


def test_further_oracles_make_the_floor_and_give_klom() -> None:
    yard = [oracle(100), oracle(101), oracle(102)]
    found = audited(results(7), yardsticks=yard, tolerance=0.0)
    assert 0 < float(found.figures["noise_floor"]) < 0.05
    remembers = audited(results(7, ("retain", "forget")), yardsticks=yard)
    assert remembers.figures["klom_forget"] > 3 * float(found.figures["klom_forget"])
    assert "klom_forget" not in audited(results(7)).figures


def test_every_distance_stands_beside_that_of_further_oracles() -> None:
    yard = [oracle(100), oracle(101)]
    fresh = audited(results(7), yardsticks=yard).figures
    for name in ("js_forget", "activation_distance_forget", "margin_distance_forget", "cka_forget"):
        assert fresh[name] == pytest.approx(fresh[f"{name}_of_oracles"], rel=0.2), name
    remembers = audited(results(7, ("retain", "forget")), yardsticks=yard).figures
    assert float(remembers["js_forget"]) > 1.5 * float(remembers["js_forget_of_oracles"])


def test_too_few_persons_get_no_verdict() -> None:
    model, yard = results(0, ("retain", "forget")), oracle()
    few = model.table["subset"].ne("forget") | model.table["unit"].isin([f"forget{number}" for number in range(6)])

    def cut(one: Results) -> Results:
        rows = few.to_numpy()
        return Results(one.table[rows].reset_index(drop=True), one.labels[rows], one.logits[rows], one.features[rows])

    less = dataclasses.replace(yard, results=cut(yard.results), learned=yard.learned[few.to_numpy()])
    found = audited(cut(model), yardsticks=[less])
    assert found.figures["verdict"] == "too few persons"
    assert found.figures["persons_detected"] == 6, "each is ranked all the same"


@pytest.mark.parametrize("pictures", [1, 3])
def test_one_person_is_ranked_and_what_cannot_be_said_is_no_number(pictures: int) -> None:
    model, yard = results(0, ("retain", "forget")), oracle()
    rows = (model.table["subset"].ne("forget") | model.table["unit"].eq("forget0")).to_numpy(copy=True)
    rows[np.flatnonzero(model.table["unit"].eq("forget0"))[pictures:]] = False

    def cut(one: Results) -> Results:
        return Results(one.table[rows].reset_index(drop=True), one.labels[rows], one.logits[rows], one.features[rows])

    found = audited(
        cut(model), yardsticks=[dataclasses.replace(yard, results=cut(yard.results), learned=yard.learned[rows])]
    )
    assert found.figures["verdict"] == "too few persons"
    assert len(found.persons) == 1
    assert found.attacks["accuracy"].isna().all()
    assert found.attacks["auc"].notna().all()


def test_a_yardstick_of_other_pictures_is_refused() -> None:
    moved = dataclasses.replace(oracle(), results=changed(oracle().results, np.arange(1), image=5))
    with pytest.raises(DataError, match="of other pictures"):
        audited(results(0), yardsticks=[moved])
