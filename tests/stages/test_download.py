"""Stage `download`: raw data -> store, for every kind of raw data."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tiny_data import draw, stage, write_mufac, write_rafdb

from pipeline import layout
from pipeline.data import store
from pipeline.errors import DataError


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("data: {image_size: 32, on_corrupt: skip}\n")


def test_no_picture_leaves_the_store(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    next((write_mufac(layout.RAW) / "val_images").iterdir()).write_bytes(b"no picture")
    main, recorder = stage("download", monkeypatch)
    main()
    assert len(store.open(layout.FACES).images) == 35
    assert not list(Path().rglob("*.png"))
    assert "35 images of 12 persons at 32×32, 1 that cannot be read left out" in capsys.readouterr().out
    assert recorder.metrics == {"images": 35, "persons": 12, "distinct_pictures": 35, "skipped_corrupt": 1}
    assert recorder.stages[0][0] == "download"


def test_pictures_without_persons_are_not_called_persons(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rafdb(layout.RAW)
    stage("download", monkeypatch)[0]()
    assert "rafdb: 28 images of unknown persons at 32×32" in capsys.readouterr().out


def test_what_was_read_in_spite_of_a_flaw_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(layout.RAW / "61_1_20170109150557335.jpg.chip.jpg")
    stage("download", monkeypatch)[0]()
    assert "warning: 1 name(s) lack the gender or the race" in capsys.readouterr().err


def test_synthetic_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    layout.RAW.mkdir()
    descriptor = "kind: synthetic\npersons: 3\nimages_per_person: 2\nimage_size: 16\n"
    (layout.RAW / "dataset.yaml").write_text(descriptor)
    main, recorder = stage("download", monkeypatch)
    main()
    assert recorder.artifacts == []
    faces = store.open(layout.FACES)
    assert faces.images.shape == (6, 32, 32, 3)
    assert set(faces.info["classes"]) == {"age", "emotion", "gender", "young", "smiling"}


def test_an_archive_named_data_is_unpacked_and_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = shutil.make_archive(str(tmp_path / "a"), "tar", write_mufac(tmp_path / "raw"))
    Path(packed).rename(layout.RAW)
    before = layout.RAW.read_bytes()
    stage("download", monkeypatch)[0]()
    assert len(store.open(layout.FACES).images) == 36
    assert layout.RAW.read_bytes() == before
    assert [path.name for path in layout.WORKSPACE.iterdir()] == ["faces"]


def test_unknown_data_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    layout.RAW.mkdir()
    with pytest.raises(DataError, match="no known data layout"):
        stage("download", monkeypatch)[0]()
