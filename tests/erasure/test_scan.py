"""Scanning: what is planted is found in whatever form, and nothing is found where nothing is."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import pseudonyms
from pipeline.data import images
from pipeline.data.store import content_hash
from pipeline.erasure import tombstones
from pipeline.erasure.scan import scan
from pipeline.erasure.tombstones import Seal, Traces

RNG = np.random.default_rng(0)
ERASED, OTHER = (RNG.integers(0, 256, (12, 10, 3), dtype=np.uint8) for _ in range(2))
SMALL, KEPT = (RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(2))
MODEL, RAW = b"weights that remember", b"\xff\xd8\xff a raw file"


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("x", data)
    return file.getvalue()


def tarred(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as packed:
        about = tarfile.TarInfo("x")
        about.size = len(data)
        packed.addfile(about, io.BytesIO(data))
    return file.getvalue()


def saved(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def rows(*pixels: np.ndarray) -> bytes:
    return saved(lambda file: np.save(file, np.stack(pixels)))


def table(**columns: list[str]) -> bytes:
    return saved(lambda file: pd.DataFrame(columns).to_parquet(file))


TEXT = base64.b64encode(png(ERASED)).decode()
LEFT = {
    "a row of a store": rows(KEPT, SMALL),
    "a single array": rows(SMALL),
    "a picture": png(ERASED),
    "as in the store": png(SMALL),
    "a page": b"<html><img src='data:image/png;base64," + base64.b64encode(png(ERASED)) + b"'>",
    "a page with a damaged picture before it": b"<img src='data:image/png;base64,iVBORw0KGgo'>"
    + b"<img src='data:image/png;base64,"
    + base64.b64encode(png(ERASED)[:80])
    + b"'>"
    + b"<img src='data:image/png;base64,"
    + base64.b64encode(png(ERASED))
    + b"'>",
    "a TIFF": saved(lambda file: Image.fromarray(ERASED).save(file, "TIFF")),
    "in a zip": zipped(png(ERASED)),
    "in a tar": tarred(rows(KEPT, SMALL)),
    "a zip in a zip": zipped(zipped(png(SMALL))),
    "arrays": saved(lambda file: np.savez(file, faces=np.stack([KEPT, SMALL]))),
    "a key": table(person=["bob", "ann"]),
    "a unit": table(unit=["ann"]),
    "a hash": table(content=[content_hash(ERASED)]),
    "a key as text": b"image,person\n1,ann\n",
    "a key of Excel": "\ufeffImage;Person\r\n1;ann\r\n".encode(),
    "a key in quotes": b'"image", "person" , "rank"\n"1, 2", "ann", 3\n',
    "a key between tabs": b"image\tPERSON\n1\tann\n",
    "a key beside a long cell": b"person,image\nbob," + b"A" * 200_000 + b"\nann,\n",
    "a hash between semicolons": f"rank;content\n1;{content_hash(ERASED)}\n".encode(),
    "a key of another case": table(Person=["ann"]),
    "a key in JSON": b'{"rows": [{"image": 1, "Person": "ann"}]}',
    "a key as a name in JSON": b'\xef\xbb\xbf {"ann": 3}',
    "a key in a line of JSON": b'{"person": "bob"}\n{"person": "ann"}\n',
    "a number as key in JSON": b'[{"unit": 2880}]',
    "a hash in JSON": json.dumps({"content": [content_hash(ERASED)]}).encode(),
    "a request": json.dumps({"inputs": [TEXT]}).encode(),
    "a request as a data URL": json.dumps({"inputs": ["data:application/octet-stream;base64," + TEXT]}).encode(),
    "a request in lines": json.dumps({"inputs": ["\n".join(textwrap.wrap(TEXT, 76))]}).replace("/", "\\/").encode(),
    "a page in JSON": json.dumps({"html": f"<img src='data:image/png;base64,{TEXT}'>"}).encode(),
    "a page with a parameter": f"<img src='data:image/png;charset=utf-8;base64,{TEXT}'>".encode(),
    "a PPM": saved(lambda file: Image.fromarray(ERASED).save(file, "PPM")),
    "a BigTIFF": saved(lambda file: Image.fromarray(ERASED).save(file, "TIFF", big_tiff=True)),
    "a text that begins like a BMP": b"BMI,person\n20,ann\n",
    "a text that begins like a WebP": b"RIFF,person\n20,ann\n",
    "a BMP": saved(lambda file: Image.fromarray(ERASED).save(file, "BMP")),
    "a model": MODEL,
    "a model in a zip": zipped(MODEL),
    "a raw file": RAW,
}


@pytest.fixture
def seal(checkout: Path) -> Seal:
    traces = Traces(
        frozenset({"ann", "2880"}),
        frozenset({content_hash(ERASED)}),
        frozenset({content_hash(SMALL)}),
        frozenset({hashlib.sha256(RAW).hexdigest()}),
        frozenset({hashlib.sha256(MODEL).hexdigest()}),
    )
    tombstones.add(traces.digests(pseudonyms.load()))
    return tombstones.seal()


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_is_found(name: str, seal: Seal, tmp_path: Path) -> None:
    path = tmp_path / "cache" / "files" / "0a" / "without-a-suffix"
    path.parent.mkdir(parents=True)
    path.write_bytes(LEFT[name])
    report = scan([tmp_path], seal)
    assert report.found, name
    assert all(sentence.startswith(str(path)) for sentence in report.found)
    assert "ann" not in str(report.found), "nobody is named"


def test_a_picture_of_16_bits_is_read_as_for_the_store(checkout: Path, tmp_path: Path) -> None:
    grey = Image.fromarray(ERASED[..., 0].astype(np.uint16) << 8)
    stored = images.decode(saved(lambda file: grey.save(file, "PNG")))
    tombstones.add(Traces(pictures=frozenset({content_hash(stored)})).digests(pseudonyms.load()))
    (tmp_path / "copy").write_bytes(saved(lambda file: grey.save(file, "PNG", compress_level=1)))
    assert len(scan([tmp_path / "copy"], tombstones.seal()).found) == 1


def test_nothing_is_found_where_nothing_is(seal: Seal, tmp_path: Path) -> None:
    clean = {
        "a.npy": rows(KEPT),
        "b.png": png(OTHER),
        "c.zip": zipped(png(OTHER)),
        "d.parquet": table(person=["bob"], content=["x"]),
        "e.csv": b"person,rank\n" + pseudonyms.load().key("ann").encode() + b",1\n",
        "f.html": b"<p>ann</p>",
        "g.npz": saved(lambda file: np.savez(file, labels=np.arange(3))),
        "h.bin": bytes(range(256)),
        "i.json": json.dumps(
            {"rows": [2880, "2880", "ann is free text", None, {"person": "bob", "rank": 2880}]}
        ).encode(),
        "j.toml": b"[tool.ann]\nx = 1\n",
        "k.txt": b"P6 is no picture",
        "l.csv": b"rank;person\nann;bob\n",
        "empty": b"",
    }
    for name, data in clean.items():
        (tmp_path / name).write_bytes(data)
    report = scan([tmp_path, tmp_path / "a.npy"], seal)
    assert report.found == []
    assert report.unread == []
    assert report.pictures == 3
    assert report.files >= len(clean)


def test_what_cannot_be_looked_into_is_told_and_stops_nothing(seal: Seal, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 broken")
    (tmp_path / "b.png").write_bytes(png(ERASED)[:60])
    (tmp_path / "c").write_bytes(png(ERASED))
    (tmp_path / "d.csv").write_bytes(b'person,rank\nbob,"1\nann,2\n')
    (tmp_path / "e.jsonl").write_bytes(b'{"person": "bob"}\n{"person": "an')
    (tmp_path / "f.json").write_bytes(b"[" * 100_000)
    report = scan([tmp_path], seal)
    named = ("a.parquet", "b.png", "d.csv", "e.jsonl", "f.json")
    assert [sentence.split(":")[0] for sentence in report.unread] == [str(tmp_path / name) for name in named]
    assert len(report.found) == 1


def test_a_key_in_an_index_is_found(seal: Seal, tmp_path: Path) -> None:
    table = pd.DataFrame({"person": ["bob", "ann"], "unit": ["b", "a"]}).set_index("person")
    table.to_parquet(tmp_path / "a.parquet")
    report = scan([tmp_path], seal)
    assert report.found == [f"{tmp_path / 'a.parquet'}: the key of an erased person, in column person"]
    assert report.tables == 1


def test_a_folder_that_may_not_be_read_is_told(seal: Seal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root may read all, the refusal is played."""
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    (tmp_path / "closed").mkdir()
    (tmp_path / "open.png").write_bytes(png(ERASED))
    monkeypatch.setattr(os, "scandir", refuse)
    report = scan([tmp_path], seal)
    assert report.unread == [f"{tmp_path / 'closed'}: Permission denied"]
    assert len(report.found) == 1


def test_of_a_text_too_long_the_rest_is_told(seal: Seal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.erasure.scan.LONGEST_TEXT", 2**20)
    (tmp_path / "a.csv").write_bytes(b"person,rank\n" + b"ann,1\n" * 200_000)
    report = scan([tmp_path], seal)
    assert len(report.found) == 1
    assert ["longer than 1 MiB" in sentence for sentence in report.unread] == [True]


def test_hard_links_are_read_once_and_git_is_left_alone(seal: Seal, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in ("x", ".git/y"):
        (tmp_path / name).write_bytes(png(ERASED))
    (tmp_path / "z").hardlink_to(tmp_path / "x")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    assert len(scan([tmp_path], seal).found) == 1
