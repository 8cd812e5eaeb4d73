from __future__ import annotations

from pathlib import Path

import yaml

from pipeline.reference_tables.runs import variants


def test_table_one_runs_every_method_and_table_two_every_architecture() -> None:
    (one,) = variants(1, ["dlfd", "scrub"])
    assert one.settings == ("unlearn.methods=[dlfd,scrub]",)
    assert [v.settings[1] for v in variants(2, ["dlfd"])] == [
        f"model.architecture={name}" for name in ("resnet18", "densenet121", "efficientnet_b0")
    ]


def test_each_row_of_table_three_changes_knobs_that_exist() -> None:
    shipped = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8"))
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


def test_the_authors_figures_are_of_their_own_settings_alone() -> None:
    assert [v.as_published for v in variants(2, ["dlfd"])] == [True, False, False]
    full, *parts = variants(3, ["dlfd"])
    assert full.as_published
    assert not any(part.as_published for part in parts)
