"""Finding a data set where a user put it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tiny_data import draw

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


def write_parts(tmp_path: Path, second: str) -> Path:
    """Two archives of pictures; the manifest and a licence are in the first, a licence in both."""
    data = tmp_path / "data"
    data.mkdir()
    for part, persons in (("part1", ("ann", "bob")), ("part2", ("cat", "dan"))):
        for number, person in enumerate(persons):
            draw(tmp_path / part / f"{person}.png", number)
        (tmp_path / part / "licence.txt").write_text("ours\n" if part == "part1" else second)
    rows = "".join(
        f"{person}.png,{person},{number % 2}\n" for number, person in enumerate(("ann", "bob", "cat", "dan"))
    )
    (tmp_path / "part1/manifest.csv").write_text(f"path,person,gender\n{rows}")
    for part in ("part1", "part2"):
        shutil.make_archive(str(data / part), "zip", tmp_path / part)
    return data


def test_several_archives_are_put_together(tmp_path: Path) -> None:
    with raw.opened(write_parts(tmp_path, "ours\n"), tmp_path / "scratch") as root:
        assert sources.read(root).table["person"].tolist() == ["ann", "bob", "cat", "dan"]
    assert not list((tmp_path / "scratch").iterdir())


def test_archives_that_hold_different_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """One would be lost, or a picture stand under another's name."""
    data = write_parts(tmp_path, "theirs\n")
    words = r"part2.zip holds licence.txt, as an archive beside it does"
    with pytest.raises(DataError, match=words), raw.opened(data, tmp_path / "scratch"):
        pass
    assert not list((tmp_path / "scratch").iterdir())


def test_the_unpacked_folder_goes_when_the_work_fails(tmp_path: Path, mufac_root: Path) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "a"), "zip", mufac_root))
    with pytest.raises(ZeroDivisionError), raw.opened(packed, tmp_path / "scratch"):
        raise ZeroDivisionError
    assert not list((tmp_path / "scratch").iterdir())
