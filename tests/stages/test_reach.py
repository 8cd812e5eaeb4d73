"""What erasing rewrites, scans and leaves to people: raw data, remotes, artifacts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import layout
from pipeline.registry import version_purge
from stages.dvc_tools import data_import, reach
from stages.dvc_tools.purging import Kept


@pytest.fixture
def root(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(version_purge, "local_artifacts", list)
    layout.RAW.mkdir()
    (layout.RAW / "0.png").write_text("a picture")
    return checkout


def imported_from(source: str, repository: str = "") -> str:
    repo = f"\n  repo:\n    url: {repository}" if repository else ""
    data_import.FILE.write_text(f"deps:\n- path: {source}{repo}\nouts:\n- path: data\n")
    return data_import.source()


def kept(root: Path, **remotes: str) -> Kept:
    return Kept(root / ".dvc/cache", 0, 0, 0, [], remotes)


def test_a_source_inside_of_the_checkout_is_rewritten_like_one_outside(root: Path) -> None:
    inside, outside = root / "local/photos", root.parent / f"{root.name}-photos"
    for place, written in ((inside, "local/photos"), (outside, str(outside))):
        place.mkdir(parents=True)
        told = imported_from(written)
        assert reach.raw_places(told) == [place]
        assert place in reach.scanned(kept(root))
        assert not any("imported from" in one for one in reach.out_of_reach(told, [place], [], {}))


def test_it_is_found_from_the_root_of_the_checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "local/photos").mkdir(parents=True)
    monkeypatch.chdir(root / "local")
    assert reach.source("local/photos") == root / "local/photos"


def test_what_a_stopped_erasing_left_beside_a_source_is_scanned_until_it_is_finished(root: Path) -> None:
    place = root.parent / f"{root.name}-photos"
    left = place.with_name(f".{place.name}.erased")
    for folder in (place, left):
        folder.mkdir()
    told = imported_from(str(place))
    assert left in reach.scanned(kept(root))
    assert reach.raw_places(told) == [place]
    assert left.exists(), "to ask where the data lie changes nothing"
    assert reach.finish_removals(told) == [place]
    assert not left.exists()
    assert reach.finish_removals(told) == []


@pytest.mark.parametrize(
    ("source", "repository"),
    [("https://example.com/data", ""), ("s3://bucket/data", ""), ("data", "https://example.com/faces"), ("gone", "")],
)
def test_what_is_not_on_this_disk_is_not_rewritten_and_said(root: Path, source: str, repository: str) -> None:
    told = imported_from(source, repository)
    assert reach.raw_places(told) == [layout.RAW]
    assert f"{told}, which data/ was imported from: it cannot" in reach.out_of_reach(told, [layout.RAW], [], {})[0]


def test_without_an_import_there_is_no_source(root: Path) -> None:
    assert reach.source(data_import.source()) is None
    assert reach.raw_places("") == [layout.RAW]


def test_remotes_on_this_disk_are_scanned_and_the_others_listed(root: Path) -> None:
    shelf, filed = root.parent / f"{root.name} shelf", root.parent / f"{root.name} filed"
    for place in (shelf, filed):
        place.mkdir()
    as_dvc_reads_it = root / f"file:{filed}"
    as_dvc_reads_it.mkdir(parents=True)
    remotes = {
        "shelf": str(shelf),
        "filed": f"file://{filed}",
        "quoted": f"file://{str(filed).replace(' ', '%20')}",
        "bucket": "s3://bucket/faces",
        "far": "ssh://me@host/shelf",
        "gone": "/no/such/shelf",
    }
    scanned = {place.resolve() for place in reach.scanned(kept(root, **remotes))}
    assert scanned == {root, shelf, filed, as_dvc_reads_it}
    told = reach.unscanned(remotes)
    assert [sentence.split(",")[0] for sentence in told] == ["remote bucket", "remote far", "remote gone"]
    assert told[0] == "remote bucket, s3://bucket/faces: cleaned by `dvc gc`, but not scanned"
    every = reach.out_of_reach("", [layout.RAW], ["s3://bucket/mlflow"], remotes)
    assert set(told) < set(every)
    assert any(one.startswith("remote filed") and "without file://" in one for one in every)
