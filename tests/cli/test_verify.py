"""`dlfd verify` finds what a disk did to DVC's cache, and what of it came into the workspace."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from stages.cli import app
from stages.dvc_tools import cache, purging


def stored(content: bytes, suffix: str = "") -> str:
    """An object in the cache; its name."""
    name = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
    path = Path(".dvc/cache/files/md5") / name[:2] / name[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return name


def harm(name: str) -> None:
    path = Path(".dvc/cache/files/md5") / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    path.chmod(0o444)


@pytest.fixture
def names(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A folder of two files and a single file, in the cache and in the workspace."""
    monkeypatch.setattr(purging, "cache_folder", lambda: checkout / ".dvc/cache")
    contents = {"out/a": b"first", "out/b": b"second", "one": b"third"}
    names = {path: stored(content) for path, content in contents.items()}
    listing = [{"md5": names[path], "relpath": path[4:]} for path in ("out/a", "out/b")]
    names["out"] = stored(json.dumps(listing).encode(), ".dir")
    Path("out").mkdir()
    for path, content in contents.items():
        Path(path).write_bytes(content)
    outs = {"make": {"outs": [{"path": "out", "md5": names["out"]}]}}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"make": {"cmd": "make"}}}))
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": outs}))
    Path("one.dvc").write_text(yaml.safe_dump({"outs": [{"path": "one", "md5": names["one"]}]}))
    return names


def verify(*options: str) -> Result:
    return CliRunner().invoke(app, ["verify", *options])


def test_a_sound_cache(names: dict[str, str]) -> None:
    done = verify()
    assert (done.exit_code, "4 objects" in done.output) == (0, True)


def test_what_a_stage_of_before_wrote_is_nobodys_copy(names: dict[str, str]) -> None:
    old = stored(b"of before")
    lock = yaml.safe_load(Path("dvc.lock").read_text())
    lock["stages"]["gone@one"] = {"outs": [{"path": "out/a", "md5": old}]}
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    harm(old)
    assert verify("--yes").exit_code == 0
    assert Path("out/a").read_bytes() == b"first", "it is of another stage today, and sound"


@pytest.mark.parametrize("path", ["out/a", "one", "out"])
def test_a_damaged_object_is_told_and_with_yes_removed(names: dict[str, str], path: str) -> None:
    harm(names[path])
    told = verify()
    assert (told.exit_code, "1 of 4 objects are damaged" in told.output) == (1, True)
    assert len(cache.objects(Path(".dvc/cache"))) == 4, "nothing is removed without --yes"
    assert verify("--yes").exit_code == 0
    assert len(cache.objects(Path(".dvc/cache"))) == 3
    assert Path("out/a").exists(), "the copy in the workspace was sound"
    assert Path("one").exists()


def test_a_list_of_files_that_says_nonsense_is_not_followed(names: dict[str, str]) -> None:
    place = Path(".dvc/cache/files/md5") / names["out"][:2] / names["out"][2:]
    place.chmod(0o644)
    place.write_text('[{"md5": 1, "other": "../../etc"}]')
    assert verify("--yes").exit_code == 0
    assert not place.exists()


@pytest.mark.parametrize("path", ["out/a", "one"])
def test_what_came_into_the_workspace_goes_too(names: dict[str, str], path: str) -> None:
    harm(names[path])
    Path(path).write_bytes(Path(path).read_bytes()[:-1])
    Path("out/b").write_bytes(b"changed by somebody, and no matter of the cache's")
    verify("--yes")
    assert not Path(path).exists()
    assert Path("out/b").exists()
