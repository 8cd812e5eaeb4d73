from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipeline.config import method_names
from pipeline.evaluation.scores import nomus
from pipeline.reference_tables import (
    AT_MOST,
    FIGURES,
    OFF,
    REFERENCE,
    markdown,
    provenance,
    summarise,
    variants,
)


@pytest.mark.parametrize("task", REFERENCE)
def test_the_authors_figures_obey_their_own_arithmetic(task: str) -> None:
    for model, (accuracy, mia, score) in REFERENCE[task].items():
        assert nomus(accuracy, mia) == pytest.approx(score, abs=0.0016), model


def test_every_reference_is_a_model_of_ours() -> None:
    assert {model for rows in REFERENCE.values() for model in rows} <= {"original", "retrained", *method_names()}


def test_table_one_runs_every_method_and_table_two_every_architecture() -> None:
    (one,) = variants(1, ["dlfd", "scrub"])
    assert one.settings == ("unlearn.methods=[dlfd,scrub]",)
    assert [v.settings[1] for v in variants(2, ["dlfd"])] == [
        f"model.architecture={name}" for name in ("resnet18", "densenet121", "efficientnet_b0")
    ]


def test_each_row_of_table_three_changes_knobs_that_exist() -> None:
    shipped = yaml.safe_load((Path(__file__).parents[1] / "params.yaml").read_text(encoding="utf-8"))
    full, *others = variants(3, ["dlfd"])
    assert (full.models, full.settings) == ((), ("unlearn.methods=[dlfd]",))
    changed = {}
    for variant in others:
        assert variant.models == ("dlfd",)
        methods, setting = variant.settings
        assert methods == full.settings[0]
        section, _, rest = setting.partition(".")
        knob, _, value = rest.partition("=")
        assert shipped[section][knob] != yaml.safe_load(value), setting
        changed[variant.name] = knob
    parts = ("no OT distancing", "no classification preservation", "no dynamic forgetting")
    assert [changed[part] for part in parts] == ["ot_weight", "classification_weight_end", "dynamic"]


def cells(*values: float, published: bool = True) -> pd.DataFrame:
    rows = [
        {"variant": "", "as_published": published, "seed": seed, "model": "dlfd", **dict.fromkeys(FIGURES, value)}
        | {"strongest_auc_low": value - 0.04, "strongest_auc_high": value + 0.02}
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_mean_and_sample_deviation_over_seeds() -> None:
    (row,) = summarise(cells(0.4, 0.6, 0.8), "age").to_dict("records")
    assert row["seeds"] == 3
    assert row["nomus"] == pytest.approx(0.6)
    assert row["nomus_sd"] == pytest.approx(0.2)
    assert (row["paper_accuracy"], row["paper_nomus"]) == (0.620, 0.782)


def test_the_authors_figures_stand_beside_their_own_settings_alone() -> None:
    (row,) = summarise(cells(0.4, published=False), "age").to_dict("records")
    assert row["paper_accuracy"] is None
    assert [v.as_published for v in variants(2, ["dlfd"])] == [True, False, False]
    full, *parts = variants(3, ["dlfd"])
    assert full.as_published
    assert not any(part.as_published for part in parts)


def test_the_text_leaves_out_what_is_not_known() -> None:
    text = markdown(summarise(cells(0.5), "gender"), "Table 1: gender", "Machine: 2 cores, no GPU.")
    assert text.splitlines()[-1] == "| dlfd | 1 |" + " .500 |" * 5 + " .000 | .040 | .500 | 0 |  |"
    assert "| variant |" not in text


def test_distances_of_audits_are_averaged_and_costs_are_not() -> None:
    seeds = cells(0.4, 0.6, 0.5).assign(share_of_retraining=[0.1, 0.12, 0.9], gate=["passes", "no", "passes"])
    (row,) = summarise(seeds, "age").to_dict("records")
    assert row["strongest_auc"] == pytest.approx(0.5)
    assert row[OFF] == pytest.approx(0.2 / 3)
    assert row[AT_MOST] == pytest.approx((0.14 + 0.12 + 0.04) / 3), "of each interval the farther end"
    assert row["share_of_retraining"] == 0.12
    assert row["gate"] == "2 of 3"


def test_where_a_table_comes_from_is_told_as_far_as_it_is_known() -> None:
    assert provenance(cells(0.5), "2 cores") == "Machine: 2 cores."
    assert provenance(cells(0.5, 0.6).assign(revision=["a1", "b2"]), "2 cores") == "Machine: 2 cores. Code: a1, b2."
    assert provenance(cells(0.5), "") == ""


def test_verdicts_of_several_seeds_are_counted() -> None:
    said = cells(0.4, 0.5, 0.6).assign(verdict=["forgotten", "remembers", "forgotten"])
    assert summarise(said, "age")["verdict"].tolist() == ["2 forgotten, 1 remembers"]
    assert summarise(said.assign(verdict="forgotten"), "age")["verdict"].tolist() == ["forgotten"]
