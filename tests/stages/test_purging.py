"""What erasing understands of what DVC says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import EraseError
from stages.dvc_tools import purging


def test_remotes_with_spaces_in_their_addresses_are_found_whole() -> None:
    told = "shelf   /mnt/my shelf      (default)\nrel\t/mnt/rel\n\ncloud   s3://bucket/a folder\n"
    assert purging.remotes(told) == {"shelf": "/mnt/my shelf", "rel": "/mnt/rel", "cloud": "s3://bucket/a folder"}
    assert purging.remotes("\n") == {}


def test_one_erasing_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with purging.alone():
        with pytest.raises(EraseError, match="another `dlfd erase` is at work"), purging.alone():
            pass
        with pytest.raises(EraseError), purging.alone():
            pass
    with purging.alone():
        pass


def test_the_run_cache_of_every_remote_on_this_disk_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`dvc gc` cleans the objects of each, and leaves the run-cache."""
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(purging, "_dvc", lambda *arguments: asked.append(arguments))
    monkeypatch.chdir(tmp_path)
    places = [tmp_path / name for name in ("cache", "plain", "filed")]
    for place in places:
        for folder in ("runs", "files"):
            (place / folder).mkdir(parents=True)
    remotes = {"plain": str(places[1]), "filed": f"file://{places[2]}", "bucket": "s3://bucket", "gone": "/no/such"}
    purging.collect(purging.Kept(places[0], 0, 0, 0, [], remotes), [])
    assert [sorted(path.name for path in place.iterdir()) for place in places] == [["files"]] * 3
    assert [command[-1] for command in asked if "--cloud" in command] == list(remotes)
