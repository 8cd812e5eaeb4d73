"""Unpacking of archives from anywhere: nothing is ever written outside the target folder."""

from __future__ import annotations

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

from pipeline.errors import DataError
from pipeline.progress import progress

MEGABYTE = 1_000_000

_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


def is_archive(path: Path) -> bool:
    """Whether a file is a tar (plain, gz, bz2, xz) or zip archive, by its content."""
    return path.is_file() and (tarfile.is_tarfile(path) or zipfile.is_zipfile(path))


def is_zip(path: Path) -> bool:
    """Whether an archive is a zip. Asked for the tar first: one whose last member is a zip ends like a zip."""
    return not tarfile.is_tarfile(path) and zipfile.is_zipfile(path)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar or zip archive into a folder that holds nothing else (it is made if need be).

    Hard links between members work (MUFAC stores identical files so). Refused: names that lead outside the folder,
    links that do, symbolic links altogether (Python's own filter for them has had holes), devices and pipes.

    Raises:
        DataError: no archive, damaged, encrypted, or a member is refused; the member is named.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if tarfile.is_tarfile(archive):
            _unpack_tar(archive, folder)
        elif zipfile.is_zipfile(archive):
            _unpack_zip(archive, folder)
        else:
            raise DataError(f"{archive}: neither a tar nor a zip archive")
    except _DAMAGED as error:
        raise DataError(f"{archive} is damaged or incomplete ({error}): fetch it again") from None
    except OSError as error:
        if isinstance(error, tarfile.ReadError) or error.errno is None:  # gzip.BadGzipFile has no errno
            raise DataError(f"{archive} is damaged or incomplete ({error}): fetch it again") from None
        raise


def _unpack_tar(archive: Path, folder: Path) -> None:
    with archive.open("rb") as packed, tarfile.open(fileobj=packed, mode="r:*") as tar, _progress(archive) as reached:
        # after our own checks; Python 3.11.2, Debian's, has no filters yet
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, folder: member)
        for member in tar:
            reached(packed.tell())
            if member.issym():
                raise _refusal(archive, member.name, "is a symbolic link; pack the files themselves (`tar -h`)")
            _check_name(archive, member.name)
            if member.islnk():
                _check_name(archive, member.linkname)
            if not (member.isfile() or member.isdir() or member.islnk()):
                raise _refusal(archive, member.name, "is a device or pipe")
            member.mode = 0o755 if member.isdir() else 0o644  # nobody's set-uid bit, and below nobody's ownership
            member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
            tar.extract(member, folder)
        if not _ended(tar):
            raise tarfile.ReadError("it ends before its end mark")


def _ended(tar: tarfile.TarFile) -> bool:
    """Whether the last block read is the end mark: tarfile stops silently at a cut or spoilt header."""
    if tar.fileobj is None:
        return False
    tar.fileobj.seek(tar.offset)
    return tar.fileobj.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as packed, _progress(archive) as reached:
        for member in packed.infolist():
            reached(member.header_offset)
            _check_name(archive, member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refusal(archive, member.filename, "is a link, device or pipe")
            if member.flag_bits & 1:
                raise DataError(f"{archive} is encrypted: unpack it yourself and use the folder")
            packed.extract(member, folder)


@contextmanager
def _progress(archive: Path) -> Iterator[Callable[[int], None]]:
    """Give a function to tell how many bytes of the archive are read; shown in megabytes."""
    total, read = archive.stat().st_size // MEGABYTE, 0
    with progress(f"unpacking {archive.name}", total, "MB") as advance:

        def reached(byte: int) -> None:
            nonlocal read
            if byte // MEGABYTE > read:
                advance(byte // MEGABYTE - read)
                read = byte // MEGABYTE

        yield reached
        advance(total - read)


def _check_name(archive: Path, name: str) -> None:
    path = PureWindowsPath(name)  # knows both separators, and drives
    if path.root or path.drive or ".." in path.parts:
        raise _refusal(archive, name, "leads outside the archive")


def _refusal(archive: Path, member: str, reason: str) -> DataError:
    return DataError(f"{archive}: refused, its member {member!r} {reason}")
