"""What erasing understands of what DVC says."""

from __future__ import annotations

from stages import purging


def test_remotes_with_spaces_in_their_addresses_are_found_whole() -> None:
    told = "shelf   /mnt/my shelf      (default)\nrel\t/mnt/rel\n\ncloud   s3://bucket/a folder\n"
    assert purging.remotes(told) == {"shelf": "/mnt/my shelf", "rel": "/mnt/rel", "cloud": "s3://bucket/a folder"}
    assert purging.remotes("\n") == {}
