"""Finding a data set where a user put it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.data import raw, sources
from pipeline.errors import DataError


def contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("place", ["itself", "nested", "archive", "archive in folder", "nested in archive"])
def test_wherever_it_lies(tmp_path: Path, mufac_root: Path, place: str) -> None:
    expected = contents(mufac_root)
    data = tmp_path / "data"
    if place == "itself":
        shutil.move(mufac_root, data)
    elif place == "nested":
        shutil.move(mufac_root, data / "inner")
    else:
        base = mufac_root.parent if place == "nested in archive" else mufac_root
        packed = Path(shutil.make_archive(str(tmp_path.parent / f"{tmp_path.name}-a"), "gztar", base))
        if place == "archive in folder":
            data.mkdir()
        packed.rename(data / packed.name if place == "archive in folder" else data)
    with raw.opened(data, tmp_path / "scratch") as root:
        assert contents(root) == expected
        assert len(sources.read(root).table) == 36
    assert not list((tmp_path / "scratch").glob("*"))


def test_what_is_missing_or_unknown_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not found"), raw.opened(tmp_path / "data", tmp_path):
        pass
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match="no known data layout"), raw.opened(tmp_path / "data", tmp_path):
        pass


def test_two_data_sets_in_one_folder_are_not_guessed(tmp_path: Path, mufac_root: Path) -> None:
    shutil.copytree(mufac_root, tmp_path / "data" / "a")
    shutil.copytree(mufac_root, tmp_path / "data" / "b")
    assert raw.find(tmp_path / "data") is None


def test_the_unpacked_folder_goes_when_the_work_fails(tmp_path: Path, mufac_root: Path) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "a"), "zip", mufac_root))
    with pytest.raises(ZeroDivisionError), raw.opened(packed, tmp_path / "scratch"):
        raise ZeroDivisionError
    assert not list((tmp_path / "scratch").iterdir())
