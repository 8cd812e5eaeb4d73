"""The audit as an instrument: planted truths with known answers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from planted import oracle, reference, results

from pipeline.evaluation.audit import Audit, audit
from pipeline.evaluation.samples import Results
from pipeline.settings import AuditSettings, EvaluateSettings

SEEDS = range(4)
ATTACKING = EvaluateSettings(bootstrap=300)


def audited(model: Results, seed: int = 0, yardsticks: list | None = None, **settings: object) -> Audit:  # type: ignore[type-arg]
    return audit(model, yardsticks or [oracle()], AuditSettings(**settings), ATTACKING, seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_model_that_memorised_the_forget_set_remembers(seed: int) -> None:
    found = audited(results(seed, ("retain", "forget")), seed)
    assert found.figures["verdict"] == "remembers"
    assert found.figures["strongest_minus_oracle_low"] > 0.2
    assert found.figures["persons_detected"] > 0.3 * found.figures["persons_audited"]
    assert found.figures["js_forget"] > 5 * found.figures["js_unseen"] > 0 or found.figures["js_forget"] > 0.1


@pytest.mark.parametrize("seed", range(8))
def test_a_held_out_oracle_passes_every_audit(seed: int) -> None:
    found = audited(results(seed), seed)
    assert found.figures["verdict"] == "forgotten"
    assert (found.attacks["minus_oracle_low"] < 0.03).all()
    assert found.figures["persons_detected"] <= 0.08 * found.figures["persons_audited"]


@pytest.mark.parametrize("seed", SEEDS)
def test_label_noise_on_forget_alone_is_over_forgetting(seed: int) -> None:
    found = audited(results(seed, forget=-3.0), seed)
    assert found.figures["verdict"] == "over-forgotten"
    assert found.figures["strongest_attack"] == "loss"
    assert found.figures["strongest_minus_oracle_high"] < -0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_little_memory_is_more_than_none(seed: int) -> None:
    steps = [audited(results(seed, forget=shift), seed).figures["strongest_minus_oracle"] for shift in (0, 0.7, 2, 4)]
    assert sorted(steps) == steps


def test_constant_logits_tell_nothing() -> None:
    plain = results(0)
    constant = np.zeros_like(plain.logits)
    table = plain.table.assign(loss=np.log(6), margin=-np.log(5), correct=False)
    found = audited(dataclasses.replace(plain, logits=constant, table=table))
    assert (found.attacks["accuracy"] == 0.5).all() or set(
        found.attacks["attack"][found.attacks["accuracy"] != 0.5]
    ) == {"rmia"}
    own = found.attacks.set_index("attack").drop(index="rmia")
    assert (own["auc"] == 0.5).all()
    assert (own[["low", "high", "auc_low", "auc_high"]] == 0.5).all().all()


def test_the_oracle_itself_is_at_no_distance() -> None:
    found = audited(oracle().results)
    assert found.figures["verdict"] == "forgotten"
    assert (found.attacks[["minus_oracle_value", "minus_oracle_low", "minus_oracle_high"]] == 0).all().all()
    for name in ("js_forget", "js_unseen", "js_retain", "activation_distance_forget", "margin_distance_forget"):
        assert found.figures[name] == pytest.approx(0, abs=1e-12)
    assert found.figures["cka_forget"] == pytest.approx(1)


def test_swapped_sides_swap_the_verdict() -> None:
    model = results(0, ("retain", "forget"))
    names = {"forget": "unseen", "unseen": "forget"}

    def swapped(one: Results) -> Results:
        return dataclasses.replace(one, table=one.table.assign(subset=one.table["subset"].replace(names)))

    yard = dataclasses.replace(oracle(), results=swapped(oracle().results))
    there, back = audited(model), audited(swapped(model), yardsticks=[yard])
    assert (there.figures["verdict"], back.figures["verdict"]) == ("remembers", "over-forgotten")
    assert back.figures["loss_auc"] == pytest.approx(1 - there.figures["loss_auc"])


def test_the_order_of_the_pictures_does_not_matter() -> None:
    model, yard = results(0, ("retain", "forget")), oracle()
    order = np.random.default_rng(0).permutation(len(model.table))

    def shuffled(one: Results) -> Results:
        return Results(
            one.table.iloc[order].reset_index(drop=True), one.labels[order], one.logits[order], one.features[order]
        )

    moved = dataclasses.replace(yard, results=shuffled(yard.results), learned=yard.learned[order])
    plain, other = audited(model), audited(shuffled(model), yardsticks=[moved])
    attacks = [a for a in plain.figures if a.endswith("_auc") or a.startswith(("js_", "strongest_minus", "persons"))]
    for name in attacks:
        assert plain.figures[name] == pytest.approx(other.figures[name], abs=1e-9), name


def test_nothing_is_audited_with_the_data_that_chose_the_model() -> None:
    model = results(0)
    changed = model.table.copy()
    own = changed["subset"] == "validation"
    changed.loc[own, ["loss", "margin"]] = 7.0
    logits, features = model.logits.copy(), model.features.copy()
    logits[own.to_numpy()], features[own.to_numpy()] = 3.0, 0.0
    assert audited(Results(changed, model.labels, logits, features)).figures == audited(model).figures


def test_reference_models_add_lira_which_is_the_stronger_the_more_it_knows() -> None:
    yard = [oracle(), *(reference(number) for number in (1, 2, 3, 4))]
    found = audited(results(0, ("retain", "forget")), yardsticks=yard)
    auc = found.attacks.set_index("attack")["auc"]
    assert auc["lira"] > auc["loss"]
    assert found.figures["verdict"] == "remembers"
    assert audited(results(5), yardsticks=yard).figures["verdict"] == "forgotten"


def test_further_oracles_raise_the_floor_and_give_klom() -> None:
    found = audited(results(7), yardsticks=[oracle(100), oracle(101), oracle(102)], tolerance=0.0)
    assert 0 < found.figures["noise_floor"] < 0.1
    remembers = audited(results(7, ("retain", "forget")), yardsticks=[oracle(100), oracle(101), oracle(102)])
    assert remembers.figures["klom_forget"] > 3 * found.figures["klom_forget"]
    assert "klom_forget" not in audited(results(7)).figures
