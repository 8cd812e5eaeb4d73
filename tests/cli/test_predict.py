"""`dlfd predict`: every file is answered, what cannot be read is told, and the exit code says so."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hostile
import pytest
import registry_checkout as tiny
import torch
from click.testing import Result
from typer.testing import CliRunner

from pipeline.registry import versions
from stages.cli import app

COLUMNS = ["file", "label", "probability_young", "probability_middle", "probability_old", "error"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Version 1 of `faces` is registered, 2 is in service; `pictures/` holds two pictures and a file that is none."""
    folder = tmp_path_factory.mktemp("predict")
    with tiny.opened(folder):
        for seed in (1, 2):
            versions.register("faces", tiny.write_model("dlfd", seed), tiny.metrics(0.7))
        versions.switch("faces", 2)
        (folder / "pictures/below").mkdir(parents=True)
        (folder / "pictures/a.jpg").write_bytes(hostile.picture(seed=1))
        (folder / "pictures/below/b.png").write_bytes(hostile.picture("PNG", seed=2))
        (folder / "pictures/bad.jpg").write_bytes(hostile.FILES["text"])
        (folder / "pictures/notes.txt").write_text("not asked")
        yield folder


@pytest.fixture(autouse=True)
def inside(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)


def dlfd(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_folder_is_answered_by_the_model_in_service(checkout: Path) -> None:
    done = dlfd("pictures")
    assert done.exit_code == 1, done.output
    first, bad, below = rows(done.stdout)
    assert list(first) == COLUMNS
    assert [row["file"] for row in (first, bad, below)] == [
        "pictures/a.jpg",
        "pictures/bad.jpg",
        "pictures/below/b.png",
    ]
    for row in (first, below):
        shares = {name: float(row[f"probability_{name}"]) for name in tiny.CLASSES}
        assert row["label"] == max(shares, key=lambda name: shares[name])
        assert sum(shares.values()) == pytest.approx(1)
        assert row["error"] == ""
    assert {bad[name] for name in COLUMNS[1:-1]} == {""}
    assert "not a picture" in bad["error"]
    assert "error: pictures/bad.jpg: not a picture" in done.stderr
    assert "3 pictures, 1 could not be read" in done.stderr
    other = rows(dlfd("pictures/a.jpg", "--version", "1").stdout)
    assert other[0]["probability_young"] != first["probability_young"], "version 1 is another model"
    for named in ("models:/faces@champion", "models:/faces/2"):
        assert rows(dlfd("pictures/a.jpg", "--model", named).stdout) == [first]


def test_from_below_the_checkout_and_into_files(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout / "pictures")
    done = dlfd("a.jpg", "below", "--out", "../found/out.jsonl")
    assert (done.exit_code, done.stdout) == (0, ""), done.output
    found = [json.loads(line) for line in (checkout / "found/out.jsonl").read_text().splitlines()]
    assert [row["file"] for row in found] == ["a.jpg", "below/b.png"]
    assert found[0]["error"] is None
    assert [path.name for path in (checkout / "found").iterdir()] == ["out.jsonl"], "nothing half-written stays"
    assert dlfd("a.jpg", "-o", "out.csv").exit_code == 0
    (row,) = rows(Path("out.csv").read_text())
    assert float(row["probability_old"]) == pytest.approx(found[0]["probability_old"])


def test_a_model_folder_needs_no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLFD_TRACKING", "off")
    done = dlfd("pictures/a.jpg", "--model", tiny.write_model("own", 5))
    assert done.exit_code == 0, done.output
    refused = dlfd("pictures/a.jpg")
    assert refused.exit_code == 1
    assert "DLFD_TRACKING=off hides the registry" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "nowhere: there is no such file"),
        (["empty"], "no picture in empty (names that end in .jpg"),
        (["pictures", "--model", "models:/faces"], "expected models:/NAME@ALIAS"),
        (["pictures", "--model", "models:/faces@hero"], "faces has no hero"),
        (["pictures", "--model", "models:/nobody@champion"], "no registered model 'nobody' yet"),
        (["pictures", "--version", "7"], "faces has no version 7 (it has 2, 1)"),
        (["pictures", "--out", "empty", "--format", "csv"], "--out empty cannot be written (Is a directory)"),
        (["pictures", "--out", "params.yaml/x.csv"], "--out params.yaml/x.csv cannot be written (File exists)"),
    ],
)
def test_what_cannot_be_done_is_one_error(checkout: Path, arguments: list[str], told: str) -> None:
    (checkout / "empty").mkdir(exist_ok=True)
    refused = dlfd(*arguments)
    assert refused.exit_code == 1
    assert told in refused.stderr
    assert "Traceback" not in refused.output


@pytest.mark.parametrize(
    ("name", "told"), [("a" * 300 + ".jpg", "File name too long"), ("locked/a.jpg", "Permission denied")]
)
def test_a_name_that_cannot_be_looked_at_has_a_row_too(monkeypatch: pytest.MonkeyPatch, name: str, told: str) -> None:
    real = os.stat

    def stat(path: str | Path, **other: Any) -> os.stat_result:
        if str(path).startswith("locked/"):  # as of a folder without the right to enter it, which root always has
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, **other)

    monkeypatch.setattr(os, "stat", stat)
    done = dlfd(name, "pictures/a.jpg")
    assert done.exit_code == 1
    assert f"error: {name}: {told}" in done.stderr
    lost, found = rows(done.stdout)
    assert (lost["file"], lost["label"], lost["error"]) == (name, "", f"{name}: {told}")
    assert found["error"] == ""


def test_nothing_in_service_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    versions.register("others", tiny.write_model("dlfd", 9), tiny.metrics())
    refused = dlfd("pictures", "--model", "models:/others@champion")
    assert "others has no champion: make one with `dlfd models promote`" in refused.stderr


def test_usage_is_checked_before_anything_is_loaded() -> None:
    for arguments in (["pictures", "--out", "x.txt"], ["pictures", "--version", "1", "--model", "m"]):
        assert dlfd(*arguments).exit_code == 2


def test_names_that_are_no_text(checkout: Path) -> None:
    folder = checkout / "odd"
    folder.mkdir()
    name = os.fsdecode(b'caf\xe9, "old".jpg')
    (folder / name).write_bytes(hostile.picture())
    (folder / "é\n.jpg").write_bytes(b"spoilt")
    for suffix in ("csv", "jsonl"):
        assert dlfd(folder, "--out", checkout / f"odd.{suffix}").exit_code == 1
    found = rows((checkout / "odd.csv").read_text(encoding="utf-8", errors="surrogateescape"))
    told = [json.loads(line) for line in (checkout / "odd.jsonl").read_text().splitlines()]
    assert (
        {row["file"] for row in found} == {row["file"] for row in told} == {str(folder / name), str(folder / "é\n.jpg")}
    )


def test_a_folder_that_cannot_be_read_is_told(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(top: Path, onerror: object) -> object:
        onerror(PermissionError(13, "Permission denied", f"{top}/locked"))  # type: ignore[operator]
        yield str(top), [], ["a.jpg"]

    monkeypatch.setattr("pipeline.serving.batch_prediction.os.walk", walk)
    done = dlfd("pictures")
    assert done.exit_code == 1
    assert "Permission denied" in done.stderr
    assert len(rows(done.stdout)) == 1


def test_a_device_that_is_not_there_is_blamed_on_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    refused = dlfd("pictures/a.jpg", "--device", "cuda")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "error: --device cuda: torch sees no CUDA device here" in refused.stderr
    assert "params.yaml" not in refused.stderr
    assert dlfd("pictures/a.jpg", "--device", "cpu").exit_code == 0
    assert dlfd("pictures/a.jpg", "--device", "gpu").exit_code == 2, "once taken for auto"
