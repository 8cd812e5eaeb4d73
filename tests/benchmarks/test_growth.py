"""Growth: rows are kept as they come, a failure is a row, the limit limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import growth, growth_case, inputs, measure
from benchmarks.growth_case import LIMITED, Case

TINY = Case("pictures", 256, retain=256, persons=2, size=32, limit=LIMITED.limit, sample=64)


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(measure, "SCRATCH", tmp_path)
    monkeypatch.setattr(measure, "folder", lambda: tmp_path)
    return tmp_path


def test_a_case_is_measured_under_its_limit() -> None:
    row = growth._run(TINY)
    assert "failed" not in row
    assert row["limit, MiB"] == LIMITED.limit
    assert row["training, images/s"] == pytest.approx(64 / row["training, s"])
    assert row["DLFD, images/s"] == pytest.approx(64 / row["a DLFD pass, s"])
    assert row["reading all pictures, images/s"] > 0
    assert row["evaluation, s"] > 0
    assert 50 < row["peak private memory, MiB"] < row["peak with mapped files, MiB"]
    assert row["peak private memory, MiB"] < LIMITED.limit


def test_too_little_memory_is_a_row_that_says_so() -> None:
    row = growth._run(Case("pictures", 256, retain=256, persons=2, size=16, limit=1))
    assert list(row) == ["failed"]
    assert "Error" in row["failed"]


def test_memory_beyond_the_limit_fails_though_the_kernel_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's limit has the size of the map on top, which a store that is read whole would fit into."""
    growth._write(tmp_path / "images.npy", TINY.pictures, TINY.size)
    monkeypatch.setattr(growth_case, "limited", lambda mebibytes, store: {})
    monkeypatch.setattr(growth_case, "_timed", lambda faces, device: {})
    beyond = Case("pictures", 256, retain=256, persons=2, size=32, limit=1, sample=64)
    with pytest.raises(measure.BenchmarkError, match="private memory were used, 1 are the limit"):
        growth_case.measured(beyond, tmp_path / "images.npy")


def test_the_limited_store_is_larger_than_the_limit() -> None:
    assert LIMITED.pictures * LIMITED.size**2 * 3 > LIMITED.limit * 2**20


def test_rows_are_kept_and_failures_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[int] = []
    answers: dict[int, dict[str, Any]] = {1: {"training, s": 1.0}, 2: {"failed": "no memory"}, 3: {"training, s": 3.0}}

    def answer(case: Case) -> dict[str, Any]:
        run.append(case.value)
        return answers[case.value]

    monkeypatch.setattr(growth, "_run", answer)
    monkeypatch.setattr(measure, "code", lambda: "one")
    cases = [Case("x", value, retain=64, persons=1, size=16) for value in (1, 2, 3)]
    kept = tmp_path / "kept.jsonl"
    rows = growth.measured(cases, kept)
    assert [row.get("failed", row.get("training, s")) for row in rows] == [1.0, "no memory", 3.0]
    answers[2] = {"training, s": 2.0}
    assert [row["training, s"] for row in growth.measured(cases, kept)] == [1.0, 2.0, 3.0]
    assert run == [1, 2, 3, 2], "what was measured is not measured again, what failed is"
    monkeypatch.setattr(measure, "code", lambda: "two")
    growth.measured(cases, kept)
    assert run == [1, 2, 3, 2, 1, 2, 3], "of other code nothing is taken over"


def test_a_failure_is_in_the_record_and_ends_with_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = dict.fromkeys(growth.FIGURES, 1.0)
    monkeypatch.setattr(growth, "_run", lambda case: {"failed": "x"} if case.limit else figures)
    with pytest.raises(measure.BenchmarkError, match="1 of"):
        growth.main(most=2_000)
    (record,) = tmp_path.glob("*.json")
    told = json.loads(record.read_text(encoding="utf-8"))
    assert sum("failed" in row for row in told["rows"]) == 1
    assert len(list(tmp_path.glob("*.jsonl"))) == 1
    monkeypatch.setattr(growth, "_run", lambda case: figures)
    growth.main(most=2_000)
    assert not list(tmp_path.glob("*.jsonl")), "the next run begins anew"


def test_exponents() -> None:
    rows = [
        {"what grows": "x", "value": n, **dict(zip(growth.FIGURES, (3 * n, 5, n, n**0.5), strict=True))}
        for n in (10, 100, 1000)
    ]
    alone = {"what grows": "y", "value": 1, "failed": "x"}
    told = growth.exponents([*rows, alone])
    assert {figure: slopes["over all"] for figure, slopes in told["x"].items()} == dict(
        zip(growth.FIGURES, (1.0, 0.0, 1.0, 0.5), strict=True)
    )
    assert list(told) == ["x"], "one value alone has no slope"


def test_what_gets_steep_at_the_end_shows_there() -> None:
    figures = dict.fromkeys(growth.FIGURES, 1.0)
    rows = [
        {"what grows": "x", "value": n, **figures, "training, s": max(5.0, n**2 / 1e4)}
        for n in (1, 10, 100, 1000, 10000)
    ]
    slopes = growth.exponents(rows)["x"]["training, s"]
    assert slopes["at the end"] == 2.0 > slopes["over all"]


def test_all_that_should_grow_grows() -> None:
    values: dict[str, list[int]] = {}
    for case in growth.cases(most=100_000):
        values.setdefault(case.what, []).append(case.value)
    assert values["retain pictures"] == [2_000, 8_000, 32_000, 100_000]
    assert values["forget persons"] == [1, 10, 100, 1_000, 3_000]
    assert len(values["pixels a picture"]) == 3
    assert growth.cases(most=2_000)[-1].retain == 2_000


def test_a_store_is_written_whole_with_the_colours_of_its_classes(tmp_path: Path) -> None:
    path = tmp_path / "images.npy"
    growth._write(path, growth.DRAWN + 3, 16)
    images = np.load(path, mmap_mode="r")
    assert images.shape == (growth.DRAWN + 3, 16, 16, 3)
    assert path.stat().st_size == images.offset + images.nbytes, "and not a byte more"
    assert (images[:3] == images[growth.DRAWN :]).all(), "they come again"
    assert growth.DRAWN % inputs.CLASSES == 0, "with the class they had"
    assert images[7::8].mean() < 0.6 * images[0::8].mean(), "class 7 is dim in all channels"


def test_memory_in_use_is_told() -> None:
    with growth_case.Peak() as peak:
        held = np.ones(64 * 2**20, np.uint8)
        growth_case.threading.Event().wait(0.1)
    assert peak.told()["peak private memory, MiB"] > held.nbytes / 2**20
