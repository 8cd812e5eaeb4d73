"""Unpacking: what belongs in arrives, nothing gets out."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline.data.archives import is_archive, is_zip, unpack
from pipeline.errors import DataError


def tar_with(path: Path, *members: tarfile.TarInfo, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for member in members:
            member.size = 4 if member.isreg() else 0
            tar.addfile(member, io.BytesIO(b"face") if member.isreg() else None)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tars_with_hard_links(tmp_path: Path, mode: str) -> None:
    members = [member("a/1.jpg"), member("a/2.jpg", tarfile.LNKTYPE, "a/1.jpg")]
    archive = tar_with(tmp_path / "a.bin", *members, mode=mode)
    assert is_archive(archive)
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/a/1.jpg").read_bytes() == (tmp_path / "out/a/2.jpg").read_bytes() == b"face"


def test_zips(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a/1.jpg", b"face")
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert (tmp_path / "out/a/1.jpg").read_bytes() == b"face"


@pytest.mark.parametrize(
    "bad",
    [
        member("../out.jpg"),
        member("a/../../out.jpg"),
        member("/tmp/out.jpg"),
        member("..\\out.jpg"),
        member("C:out.jpg"),
        member("//host/share/out.jpg"),
        member("./a//../../out.jpg"),
        member("../" * 60 + "out.jpg"),  # longer than a header holds: its name is in a block of its own
        member("a.jpg", tarfile.LNKTYPE, "../secret"),
        member("a.jpg", tarfile.LNKTYPE, "/etc/hostname"),
        member("a.jpg", tarfile.SYMTYPE, "/etc/hostname"),
        member("a.jpg", tarfile.SYMTYPE, "fine.jpg"),
        member("a.jpg", tarfile.CHRTYPE),
        member("a.jpg", tarfile.FIFOTYPE),
    ],
    ids=lambda info: f"{info.name[-30:]}-{info.type.decode()}-{info.linkname}",
)
def test_dangerous_tar_members_are_refused(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    (tmp_path / "secret").write_text("secret")
    archive = tar_with(tmp_path / "a.tar", member("fine.jpg"), bad)
    before = set(tmp_path.iterdir())
    with pytest.raises(DataError, match="refused"):
        unpack(archive, tmp_path / "deep" / "out")
    assert set(tmp_path.iterdir()) - before == {tmp_path / "deep"}
    assert [path.name for path in (tmp_path / "deep").rglob("*") if path.is_file()] == ["fine.jpg"]


@pytest.mark.parametrize(
    "name", ["../out.jpg", "/out.jpg", "a/../../out.jpg", "C:/out.jpg", "..\\out.jpg", "C:out.jpg", "a/.."]
)
def test_dangerous_zip_names_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(name, b"face")
    with pytest.raises(DataError, match="refused"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_links_in_zips_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(info, "/etc/hostname")
    with pytest.raises(DataError, match="refused"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("filters", [True, False], ids=["with filters", "as Python 3.11.2"])
def test_rights_that_a_member_asks_for_are_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filters: bool
) -> None:
    if not filters:
        monkeypatch.setattr(tarfile, "data_filter", lambda info, folder: info, raising=False)
    info = member("run.jpg")
    info.mode, info.uid, info.uname = 0o6777, 12345, "nobody"
    unpack(tar_with(tmp_path / "a.tar", info), tmp_path / "out")
    found = (tmp_path / "out/run.jpg").stat()
    assert stat.S_IMODE(found.st_mode) == 0o644
    assert found.st_uid == os.getuid()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_cut_archive_is_damaged(tmp_path: Path, mode: str) -> None:
    archive = tar_with(tmp_path / "a.tar", *(member(f"{number}.jpg") for number in range(200)), mode=mode)
    raw = archive.read_bytes()
    archive.write_bytes(raw[: len(raw) // 2 + 7])
    with pytest.raises(DataError, match=r"a\.tar.*damaged"):
        unpack(archive, tmp_path / "out")


def test_other_files_are_no_archives(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_text("hello")
    assert not is_archive(path)
    assert not is_archive(tmp_path)
    with pytest.raises(DataError, match="neither a tar nor a zip"):
        unpack(path, tmp_path / "out")


def test_a_tar_whose_last_member_is_a_zip_is_a_tar(tmp_path: Path) -> None:
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w") as packed:
        packed.writestr("licence.txt", "x")
    (tmp_path / "a.txt").write_text("a")
    with tarfile.open(tmp_path / "outer.tar", "w") as tar:
        for name in ("a.txt", "inner.zip"):
            tar.add(tmp_path / name, name)
    assert zipfile.is_zipfile(tmp_path / "outer.tar"), "it ends like one"
    unpack(tmp_path / "outer.tar", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.txt", "inner.zip"}
    assert (is_zip(inner), is_zip(tmp_path / "outer.tar")) == (True, False)
