"""Stage `split`: store -> splits.parquet and splits.json, the same each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_data import stage, write_mufac

from pipeline import layout
from pipeline.data import sources, splits, store
from pipeline.data.sources import mufac
from pipeline.errors import DataError
from pipeline.settings import DataSettings

PERSON, PUBLISHED = "split: {protocol: person}\n", "split: {protocol: published}\n"


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mufac, "FORGET_ROWS", 4)  # cuts the second of the persons in two
    store.build(sources.read(write_mufac(layout.RAW, persons=8)), layout.FACES, DataSettings(image_size=16))


def test_the_person_protocol(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("params.yaml").write_text(PERSON)
    main, recorder = stage("split", monkeypatch)
    main()
    summary = json.loads((layout.SPLITS / "splits.json").read_text())
    assert summary["protocol"] == "person"
    assert summary["counts"] == splits.read(layout.SPLITS)["subset"].value_counts().to_dict()
    assert {f"images.{name}": count for name, count in summary["counts"].items()}.items() <= recorder.metrics.items()
    shown = capsys.readouterr()
    assert shown.out.startswith("protocol person: ")
    assert shown.err == ""
    first = {path.name: path.read_bytes() for path in layout.SPLITS.iterdir()}
    main()
    assert first == {path.name: path.read_bytes() for path in layout.SPLITS.iterdir()}


def test_leaks_of_the_published_split_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("params.yaml").write_text(PUBLISHED)
    stage("split", monkeypatch)[0]()
    assert "warning: 1 person key(s) cut in two, such as on image 3" in capsys.readouterr().err


def test_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("params.yaml").write_text(PERSON)
    (layout.FACES / "dataset.json").unlink()
    with pytest.raises(DataError, match=r"dataset\.json not found"):
        stage("split", monkeypatch)[0]()
