from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from planted import results

from pipeline.evaluation import inside


def test_a_probe_reads_what_the_features_hold_and_a_collapse_shows() -> None:
    whole = results(0, ("retain", "forget"))
    noise = np.random.default_rng(0).normal(0, 1, whole.features.shape).astype(np.float16)
    found, lost = inside.figures(whole, 0), inside.figures(dataclasses.replace(whole, features=noise), 0)
    assert found["probe_accuracy"] > 0.28
    assert lost["probe_accuracy"] == pytest.approx(1 / 6, abs=0.08)
    assert found["forget_probe_accuracy"] > found["probe_accuracy"], "what was learned is read more easily"
    assert found["forget_nmi"] > lost["forget_nmi"]
    assert found["forget_probe_f1"] > lost["forget_probe_f1"]


def test_alignment_is_high_within_the_retain_eigenspace_and_low_outside() -> None:
    model = results(0)
    features = np.zeros_like(model.features)
    kind = model.table["subset"].to_numpy()
    rng = np.random.default_rng(0)
    features[kind == "retain", :3] = rng.normal(0, 1, (450, 3))
    inside_it, outside = features.copy(), features.copy()
    inside_it[kind == "forget", :3] = rng.normal(0, 1, (240, 3))
    outside[kind == "forget", 3:6] = rng.normal(0, 1, (240, 3))
    high, low = (inside.figures(dataclasses.replace(model, features=f), 0) for f in (inside_it, outside))
    assert high["dimensional_alignment"] > 0.95
    assert low["dimensional_alignment"] < 0.05


def test_every_figure_is_finite_where_features_are_constant() -> None:
    model = results(0)
    found = inside.figures(dataclasses.replace(model, features=np.ones_like(model.features)), 0)
    assert np.isfinite(list(found.values())).all()
