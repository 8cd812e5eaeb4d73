"""Taking pictures out of raw data: gone from files and tables, the rest as it was, whatever it is packed in."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from tiny_data import draw, write_mufac

from pipeline.data import raw, removal, sources
from pipeline.errors import DataError

MANIFEST = "path,person,gender\na.jpg,ann,0\nb/a.jpg,bob,1\nb/d.png,ann,1\nb/e.png,bob,0\nf.png,cat,0\n"
NAMES = ("a.jpg", "b/a.jpg", "b/d.png", "b/e.png", "f.png")
TEXTS = ("manifest.csv", "notes.md")


def ann(person: str) -> bool:
    return person == "ann"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "raw"
    for number, name in enumerate(NAMES):
        draw(root / name, number)
    (root / "manifest.csv").write_text(MANIFEST)
    (root / "notes.md").write_text("ours\n")
    return root


def pictures(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.suffix in (".jpg", ".png")}


def left_beside(place: Path) -> set[str]:
    return {path.name for path in place.parent.iterdir()} - {place.name}


def test_a_folder(folder: Path, tmp_path: Path) -> None:
    found = removal.find(folder, tmp_path, ann)
    assert found.paths == ["a.jpg", "b/d.png"]
    assert found.size == sum((folder / path).stat().st_size for path in found.paths)
    kept = {name: (folder / name).read_bytes() for name in ("b/a.jpg", "b/e.png", "notes.md")}
    assert removal.remove(folder, ann) is False
    assert pictures(folder) == {"b/a.jpg", "b/e.png", "f.png"}
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert (folder / "manifest.csv").read_text() == "path,person,gender\nb/a.jpg,bob,1\nb/e.png,bob,0\nf.png,cat,0\n"
    assert sources.read(folder).table["person"].tolist() == ["bob", "bob", "cat"]
    assert left_beside(folder) == set()
    assert removal.remove(folder, ann) is False, "again: nothing to do"


def test_a_folder_in_a_folder(folder: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    folder.rename(outer / "inner")
    (outer / "licence").write_text("x")
    removal.remove(outer, ann)
    assert pictures(outer / "inner") == {"b/a.jpg", "b/e.png", "f.png"}
    assert {path.name for path in outer.iterdir()} == {"inner", "licence"}, "no copy of anything beside it"
    assert left_beside(outer) == set()


@pytest.mark.parametrize("kind", ["zip", "gztar", "tar"])
@pytest.mark.parametrize("nested", [False, True])
def test_an_archive(folder: Path, tmp_path: Path, kind: str, nested: bool) -> None:
    base = (tmp_path, folder.name) if nested else (folder, ".")
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), kind, *base))
    before = pictures(folder)
    assert removal.find(archive, tmp_path, ann).paths == ["a.jpg", "b/d.png"]
    assert removal.remove(archive, ann) is False
    with raw.opened(archive, tmp_path) as root:
        assert pictures(root) == before - {"a.jpg", "b/d.png"}
        assert sources.read(root).table["person"].tolist() == ["bob", "bob", "cat"]
        assert (root / "notes.md").exists()
    assert zipfile.is_zipfile(archive) == (kind == "zip")
    assert tarfile.is_tarfile(archive) == (kind != "zip")
    assert left_beside(archive) == {folder.name}


def test_where_tables_cannot_lose_a_line_a_black_picture_takes_the_place(tmp_path: Path) -> None:
    """MUFAC's forget set is its first 1,500 lines: without one another picture would be in it."""
    root = write_mufac(tmp_path / "mufac")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.data.sources.mufac.FORGET_ROWS", 4)
        before = sources.read(root)
        gone = before.table["person"] == "F0000/D"
        assert removal.remove(root, lambda person: person == "F0000/D") is True
        after = sources.read(root)
        assert removal.find(root, tmp_path, lambda person: person == "F0000/D").paths == [], "what is black is nobody's"
        assert removal.remove(root, lambda person: person == "F0000/D") is False, "again: nothing to do"
        assert sources.read(root).table.equals(before.table)
    assert after.table.equals(before.table)
    assert all(after.image(row).max() == 0 for row in gone.index[gone])
    assert all(after.image(row).max() > 0 for row in gone.index[~gone])


def test_where_lines_may_go_they_go(tmp_path: Path) -> None:
    root = write_mufac(tmp_path / "mufac")
    assert removal.remove(root, lambda person: person == "F2001/D") is False, "of the test part"
    assert "F2001" not in (root / "custom_test_dataset.csv").read_text()
    assert not list((root / "test_images").glob("F2001*"))


def test_nothing_left_is_refused_and_nothing_changed(folder: Path) -> None:
    with pytest.raises(DataError, match="nothing would be left"):
        removal.remove(folder, lambda person: True)
    assert pictures(folder) == set(NAMES)
    assert left_beside(folder) == set()


@pytest.mark.parametrize("moment", ["the rest is whole", "the old one is aside", "the new one is there"])
def test_a_killed_run_is_finished(folder: Path, moment: str, tmp_path: Path) -> None:
    new, old = folder.with_name(".raw.rest"), folder.with_name(".raw.erased")
    shutil.copytree(folder, tmp_path / "copy")
    removal.remove(tmp_path / "copy", ann)
    (tmp_path / "copy").rename(new)
    if moment != "the rest is whole":
        folder.rename(old)
    if moment == "the new one is there":
        new.rename(folder)
    removal.remove(folder, ann)
    assert pictures(folder) == {"b/a.jpg", "b/e.png", "f.png"}
    assert left_beside(folder) == set()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_what_a_run_that_was_killed_left_goes_with_the_next(
    folder: Path, tmp_path: Path, nested: bool, packed: bool
) -> None:
    place = folder
    if nested:
        place = tmp_path / "outer"
        place.mkdir()
        folder.rename(place / "inner")
    if packed:
        place = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", place))
    before = left_beside(place)

    def kill(*_: object) -> bool:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(removal, "_same", kill)  # the draft is there
        patch.setattr(removal.shutil, "rmtree", lambda *_, **__: None)  # and a kill cleans nothing up
        with pytest.raises(KeyboardInterrupt):
            removal.remove(place, ann)
    assert left_beside(place) > before
    removal.remove(place, ann)
    assert left_beside(place) == before
    if not packed:
        assert {path.name for path in place.iterdir()} == ({"inner"} if nested else {"b", "f.png", *TEXTS})


def test_pictures_of_the_erased_that_cannot_be_deleted_are_told_and_found(folder: Path) -> None:
    old = folder.with_name(".raw.erased")
    real = shutil.rmtree

    def refuse(path: Path, **options: bool) -> None:
        if path == old:
            raise PermissionError(13, "Permission denied", str(path))
        real(path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(removal.shutil, "rmtree", refuse)
        for _ in range(2):
            with pytest.raises(PermissionError):
                removal.remove(folder, ann)
    assert removal.begun_beside(folder) == [old], "where a scan looks"
    assert removal.finish(folder) is True
    assert removal.finish(folder) is False
    assert pictures(folder) == {"b/a.jpg", "b/e.png", "f.png"}
    assert left_beside(folder) == set()


def test_a_picture_behind_a_link_is_refused_before_anything_goes(folder: Path, tmp_path: Path) -> None:
    (folder / "b/d.png").rename(tmp_path / "album.png")
    (folder / "b/d.png").symlink_to(tmp_path / "album.png")
    for act in (lambda: removal.find(folder, tmp_path, ann), lambda: removal.remove(folder, ann)):
        with pytest.raises(DataError, match=r"b/d.png is a link to .*album.png, where the picture would stay"):
            act()
    assert pictures(folder) == set(NAMES)


def test_a_tar_that_ends_with_a_zip_stays_a_tar(folder: Path, tmp_path: Path) -> None:
    (folder / "zz.zip").write_bytes(Path(shutil.make_archive(str(tmp_path / "zz"), "zip", folder / "b")).read_bytes())
    unpacked = shutil.copytree(folder, tmp_path / "unpacked")
    archive = tmp_path / "packed.tar"
    with tarfile.open(archive, "w") as packed:
        for path in sorted(unpacked.rglob("*")):
            if path.is_file():
                packed.add(path, path.relative_to(unpacked).as_posix())
    assert zipfile.is_zipfile(archive)
    removal._repack(archive, unpacked, Path(), folder, tmp_path / "draft")
    with tarfile.open(archive) as packed:
        assert set(packed.getnames()) >= {"manifest.csv", "a.jpg", "zz.zip"}


def test_a_kill_while_packing_leaves_no_half_archive_among_the_data(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    shutil.make_archive(str(place / "faces"), "tar", folder)
    real = tarfile.TarFile.add

    def kill(self: tarfile.TarFile, *arguments: object, **options: object) -> None:
        assert [path.name for path in place.iterdir()] == ["faces.tar"]
        raise KeyboardInterrupt

    monkeypatch.setattr(tarfile.TarFile, "add", kill)
    with pytest.raises(KeyboardInterrupt):
        removal.remove(place, ann)
    monkeypatch.setattr(tarfile.TarFile, "add", real)
    removal.remove(place, ann)
    with raw.opened(place, tmp_path) as root:
        assert pictures(root) == {"b/a.jpg", "b/e.png", "f.png"}


def test_faces_that_are_drawn_have_no_files(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "dataset.yaml").write_text("kind: synthetic\npersons: 3\n")
    assert removal.find(tmp_path / "raw", tmp_path, lambda person: True) == removal.Pictures()
