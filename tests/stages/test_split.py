"""Stage `split`: store -> splits.parquet and splits.json, the same each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_data import stage, write_mufac

from pipeline import layout
from pipeline.data import sources, splits, store
from pipeline.data.sources import mufac
from pipeline.erasure import intake, ledger
from pipeline.errors import ConfigError, DataError
from pipeline.settings import DataSettings

PERSON, PUBLISHED = "split: {protocol: person}\n", "split: {protocol: published}\n"


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / ".dvc").mkdir()
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


def written() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in layout.SPLITS.iterdir()}


def test_open_requests_are_the_forget_set_and_other_lines_change_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("params.yaml").write_text(PERSON)
    main, recorder = stage("split", monkeypatch)
    main()
    plain = written()
    layout.REQUESTS.write_text(ledger.HEADER)
    main()
    assert written() == plain, "an empty ledger is no ledger"

    faces = store.open(layout.FACES).table
    capsys.readouterr()
    (one,) = intake.add([intake.Ask("F0001/D")], faces).requests
    main()
    asked = written()
    table = splits.read(layout.SPLITS)
    assert set(table.loc[table["subset"] == "forget", "person"]) == {"F0001/D"}
    assert recorder.metrics["persons_with_open_requests"] == 1
    shown = capsys.readouterr()
    assert "the forget set is of 1 person(s) with open requests" in shown.out
    told = shown.out + shown.err + (layout.SPLITS / "splits.json").read_text() + str(recorder.stages)
    assert "F0001" not in told, "nobody is named"

    (two,) = intake.add([intake.Ask("F0002/D")], faces).requests
    intake.withdraw([two.id])
    main()
    assert written() == asked, "a longer log with the same open requests is the same split"
    layout.REQUESTS.write_text(layout.REQUESTS.read_text() + "20261121-0")
    main()
    assert written() == asked
    assert "requests.csv: the last line was never finished" in capsys.readouterr().err
    intake.withdraw([one.id])
    main()
    assert written() == plain


def test_open_requests_do_not_go_with_a_published_split(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("params.yaml").write_text(PUBLISHED)
    intake.add([intake.Ask("F0001/D")], store.open(layout.FACES).table)
    with pytest.raises(ConfigError, match=r"open requests .* cannot go with `split\.protocol: published`"):
        stage("split", monkeypatch)[0]()
