"""The gate: a sound split passes, and each way of spoiling one is found, counted and named."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import traces

from pipeline.data import checks, splits
from pipeline.errors import DataError
from pipeline.settings import SplitSettings, ValidateSettings

CLASSES = ["x", "y", "z"]
SETTINGS = ValidateSettings(min_images_per_class=5, min_images_per_subset=20, max_label_shift=0.1)


def split_of(faces: pd.DataFrame) -> pd.DataFrame:
    return splits.make(faces, {"age": CLASSES}, task="age", settings=SplitSettings(), seed=0).table


def run(
    table: pd.DataFrame,
    faces: pd.DataFrame,
    tmp_path: Path,
    settings: ValidateSettings = SETTINGS,
    protocol: str = "person",
    classes: list[str] = CLASSES,
) -> checks.Outcome:
    return checks.check(table, faces, classes, protocol=protocol, settings=settings, docs=tmp_path / "docs")


def first(table: pd.DataFrame, subset: str) -> int:
    return int(table.index[table["subset"] == subset][0])


def to_retain(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[first(table, "forget"), "subset"] = "retain"
    return table


def test_a_sound_split_passes_and_has_data_docs(many_faces: pd.DataFrame, tmp_path: Path) -> None:
    outcome = run(split_of(many_faces), many_faces, tmp_path)
    assert outcome.errors == []
    assert outcome.warnings == []
    assert {check["suite"] for check in outcome.checks} == {"schema", "images", "classes", "subsets", "label_shift"}
    assert all(check["success"] for check in outcome.checks)
    assert (tmp_path / "docs" / "index.html").is_file()
    outcome.raise_for_errors()


def with_value(subset: str, column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[first(table, subset), column] = value
        return table

    return change


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.drop(columns="unit"), "columns are image, person"),
        (lambda t: t.assign(extra=1), "columns are image, person"),
        (lambda t: t.assign(label=t["label"].astype(str)), "column label holds whole numbers"),
        (lambda t: t.assign(person=range(len(t))), "column person holds text"),
        (lambda t: t.assign(subset=t["subset"].where(t.index > 2)), r"column subset has no gaps: 3 row\(s\)"),
        (lambda t: t[1:], "every one of the 300 images of the store has a row: found 299"),
        (lambda t: pd.concat([t, t[:2]]), r"no image is listed twice: 4 row\(s\)"),
        (with_value("retain", "image", 999), r"every image is in the store: 1 row\(s\), such as image 999"),
        (with_value("retain", "person", "F99/D"), r"person and unit are those of the store: 1 row"),
        (with_value("retain", "subset", "train"), r"every subset is a known one: 1 row"),
        (with_value("retain", "reason", "because"), "excluded images have a reason"),
        (with_value("excluded", "reason", ""), "excluded images have a reason"),
        (with_value("retain", "label", 3), "labels are from 0 to 2: 1 row"),
        (with_value("retain", "label", -1), "labels are from 0 to 2: 1 row"),
        (to_retain, r"no person key is on two sides: \d row\(s\) \(1 in forget & retain\), such as image"),
        (to_retain, r"no person \(keys that share a picture\) is on two sides"),
    ],
)
def test_a_tampered_split_is_refused(
    many_faces: pd.DataFrame, tmp_path: Path, spoil: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    outcome = run(spoil(split_of(many_faces)), many_faces, tmp_path)
    with pytest.raises(DataError, match=message):
        outcome.raise_for_errors()
    written = {path.name: path.read_bytes() for path in tmp_path.rglob("*.html")}
    assert "index.html" in written
    told = written | {"result.json": repr(outcome).encode()}
    assert traces.words(told, many_faces["person"].unique()) == [], "Data Docs and the outcome go to MLflow"


def test_a_changed_key_cannot_hide_a_person_on_two_sides(many_faces: pd.DataFrame, tmp_path: Path) -> None:
    table = split_of(many_faces)
    row = first(table, "forget")
    table.loc[row, ["subset", "person", "unit"]] = ["retain", "new", "new"]
    told = "\n".join(run(table, many_faces, tmp_path).errors)
    assert "no person key is on two sides" in told


def test_a_picture_on_two_sides_is_found(many_faces: pd.DataFrame, tmp_path: Path) -> None:
    table = split_of(many_faces)
    a, b = first(table, "retain"), first(table, "unseen")
    for column in ("content", "age"):
        many_faces.loc[b, column] = many_faces.loc[a, column]
    table["label"] = many_faces["age"].astype("int64")
    told = "\n".join(run(table, many_faces, tmp_path).errors)
    assert re.search(r"no identical pictures are on two sides: \d row\(s\) \(1 in retain & unseen\)", told)


def test_a_class_without_images_counts_as_zero(many_faces: pd.DataFrame, tmp_path: Path) -> None:
    outcome = run(split_of(many_faces), many_faces, tmp_path, classes=[*CLASSES, "w"])
    assert len(outcome.errors) == 1
    assert "at least 5 images of each class" in outcome.errors[0]
    assert "label w images 0" in outcome.errors[0]


def test_small_subsets_are_named(many_faces: pd.DataFrame, tmp_path: Path) -> None:
    strict = ValidateSettings(min_images_per_subset=100, max_label_shift=0.1)
    (error,) = run(split_of(many_faces), many_faces, tmp_path, strict).errors
    assert "each of retain, forget, validation, unseen has at least 100 images" in error
    assert "3 row(s)" in error
    assert "subset forget" in error


def test_a_label_shift_is_measured(many_faces: pd.DataFrame, tmp_path: Path) -> None:
    table = split_of(many_faces)
    gone = table.index[(table["subset"] == "unseen") & (table["label"] == 0)]
    table.loc[gone, "subset"] = "test"
    lenient = ValidateSettings(min_images_per_subset=5, max_label_shift=0.1)
    (error,) = run(table, many_faces, tmp_path, lenient).errors
    assert "label mixes of forget and unseen differ by at most 0.1" in error


def test_leaks_of_a_published_split_are_warnings(many_faces: pd.DataFrame, tmp_path: Path) -> None:
    table = to_retain(split_of(many_faces))
    outcome = run(table, many_faces, tmp_path, protocol="published")
    assert outcome.errors == []
    assert any("no person key is on two sides" in warning for warning in outcome.warnings)
    outcome.raise_for_errors()


def test_errors_of_a_published_split_stay_errors(many_faces: pd.DataFrame, tmp_path: Path) -> None:
    table = with_value("retain", "label", 7)(split_of(many_faces))
    assert len(run(table, many_faces, tmp_path, protocol="published").errors) == 1


def test_pages_that_cannot_be_written_are_an_error(
    many_faces: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Great Expectations itself would print a traceback, go on, and leave Data Docs with holes."""
    from great_expectations.data_context.store.html_site_store import HtmlSiteStore

    def full(self: HtmlSiteStore, key: object, value: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(HtmlSiteStore, "set", full)
    with pytest.raises(OSError, match="No space left") as raised:
        run(split_of(many_faces), many_faces, tmp_path)
    assert raised.value.errno == errno.ENOSPC
    assert "Traceback" not in capsys.readouterr().err
