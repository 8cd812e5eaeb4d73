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
