"""Stage `validate`: stops the run with one message, and keeps its result either way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tiny_data import make_faces, stage

from pipeline import layout
from pipeline.data import splits, store
from pipeline.errors import DataError
from pipeline.settings import SplitSettings

CLASSES = {"age": ["x", "y"]}
PARAMS = "validate: {min_images_per_class: 1, min_images_per_subset: 10}\nsplit: {protocol: %s}\n"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """A sound split in a checkout whose store has no pictures to speak of."""
    monkeypatch.chdir(tmp_path)
    person = [f"p{number:02d}" for number in range(40) for _ in range(4)]
    faces = make_faces(person, [str(number) for number in range(160)], [number % 2 for number in range(160)])
    opened = store.Store(images=None, table=faces, info={"classes": CLASSES})  # type: ignore[arg-type]
    monkeypatch.setattr(store, "open", lambda folder: opened)
    split = splits.make(faces, CLASSES, task="age", settings=SplitSettings(), seed=0)
    splits.write(split, layout.SPLITS)
    Path("params.yaml").write_text(PARAMS % "person")
    return split.table


def result() -> dict[str, Any]:
    return json.loads((layout.VALIDATION / "result.json").read_text())


def tamper(table: pd.DataFrame) -> None:
    row = table.index[table["subset"] == "forget"][0]
    table.loc[row, "subset"] = "retain"
    table.to_parquet(layout.SPLITS / "splits.parquet")


def test_a_sound_split_passes(
    table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main, recorder = stage("validate", monkeypatch)
    main()
    assert result()["success"] is True
    assert recorder.metrics == {"errors": 0, "warnings": 0}
    assert (layout.DATA_DOCS / "index.html").is_file()
    assert "no error" in capsys.readouterr().out
    first = (layout.VALIDATION / "result.json").read_bytes()
    main()
    assert (layout.VALIDATION / "result.json").read_bytes() == first


def test_a_person_in_forget_and_retain_stops_the_run(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    tamper(table)
    with pytest.raises(DataError, match="no person key is on two sides: 4 row"):
        stage("validate", monkeypatch)[0]()
    assert result()["success"] is False
    assert len(result()["errors"]) == 2  # by key and by unit


def test_one_person_by_name_passes_and_a_random_share_as_small_does_not(
    table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = SplitSettings(forget_persons=["p05"])
    split = splits.make(store.open(layout.FACES).table, CLASSES, task="age", settings=chosen, seed=0)
    splits.write(split, layout.SPLITS)
    stage("validate", monkeypatch)[0]()
    assert result()["success"] is True
    summary = json.loads((layout.SPLITS / "splits.json").read_text())
    del summary["forget_by_name"]
    (layout.SPLITS / "splits.json").write_text(json.dumps(summary))
    with pytest.raises(DataError, match=r"has at least .* subset forget images 4"):
        stage("validate", monkeypatch)[0]()
    assert "p05" not in (layout.VALIDATION / "result.json").read_text()


def test_under_published_it_warns(
    table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(table)
    Path("params.yaml").write_text(PARAMS % "published")
    stage("validate", monkeypatch)[0]()
    assert result()["success"] is True
    assert "warning: not so: no person key is on two sides" in capsys.readouterr().err
