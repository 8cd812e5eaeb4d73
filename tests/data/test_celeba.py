"""The CelebA-HQ source: labels, MUCAC's rule on identities, and every way in which the files can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_data import draw, write_celeba

from pipeline.data import checks, splits, store
from pipeline.data.sources import celeba, read, synthetic
from pipeline.errors import DataError
from pipeline.settings import DataSettings, SplitSettings, ValidateSettings

IDENTITIES = [50, 3, 50, 9, 3, 1, 2, 50, 9, 8, 7, 6]  # in numeric order of pictures; `10` sorts before `2` as text


@pytest.mark.parametrize("nested", [True, False])
def test_the_canonical_table(tmp_path: Path, nested: bool) -> None:
    raw = read(write_celeba(tmp_path, IDENTITIES, nested))
    assert raw.name == "celeba"
    assert raw.classes == {task: synthetic.CLASSES[task] for task in ("gender", "young", "smiling")}
    table = raw.table
    assert table["person"].tolist() == [str(identity) for identity in IDENTITIES]
    folder = "CelebAMask-HQ/CelebA-HQ-img" if nested else "CelebA-HQ-img"
    assert table["source"].tolist() == [f"{folder}/{index}.jpg" for index in range(12)]
    index = np.arange(12)
    assert raw.classes["gender"][1] == "male"
    for bit, task in enumerate(
        ("gender", "smiling", "young")
    ):  # Male, Smiling, Young were written as bits of the index
        assert table[task].tolist() == (index >> bit & 1).tolist()
    assert (table[["age", "emotion"]] == -1).all(axis=None)
    assert raw.image(11).shape == (8, 8, 3)


def test_identities_are_numbered_by_first_appearance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celeba, "CUTS", (1, 3, 5))  # 50 | 3, 9 | 1, 2 | 8, 7, 6
    side = {50: "test", 3: "forget", 9: "forget", 1: "retain", 2: "retain", 8: "unseen", 7: "unseen", 6: "unseen"}
    subsets = read(write_celeba(tmp_path, IDENTITIES)).table["published_subset"]
    assert subsets.tolist() == [side[identity] for identity in IDENTITIES]


def test_the_cuts_are_those_of_mucac() -> None:
    persons = pd.Series([str(10_000 - number) for number in range(6217)])
    counts = celeba.published(persons).groupby(celeba.published(persons), sort=False).size()
    assert counts.to_dict() == {"test": 190, "forget": 1250 - 190, "retain": 4855 - 1250, "unseen": 6217 - 4855}
    ends = celeba.published(persons)[[189, 190, 1249, 1250, 4854, 4855]]
    assert ends.tolist() == ["test", "forget", "forget", "retain", "retain", "unseen"]


def test_the_split_takes_validation_out_of_retain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celeba, "CUTS", (4, 8, 30))
    identities = [number // 2 for number in range(72)]  # 36 persons of two pictures: 4, 4, 22, 6
    faces = store.build(
        read(write_celeba(tmp_path / "raw", identities)), tmp_path / "faces", DataSettings(image_size=16)
    )
    chosen = SplitSettings(protocol="published", validation_fraction=0.15)
    split = splits.make(faces.table, faces.info["classes"], task="smiling", settings=chosen, seed=0)
    published = faces.table["published_subset"]
    taken = split.table["subset"] == "validation"
    assert set(published[taken]) == {"retain"}
    assert (split.table["subset"] == published)[~taken].all()
    assert taken.sum() == pytest.approx(0.15 * 44, abs=2), "a share of the retained ones"
    assert not split.summary["leaks"]["persons"]
    (note,) = split.summary["notes"]
    assert f"{taken.sum()} of its retained images" in note
    assert "not the benchmark's" in note
    again = splits.make(faces.table, faces.info["classes"], task="smiling", settings=chosen, seed=0)
    pd.testing.assert_frame_equal(again.table, split.table)
    lenient = ValidateSettings(min_images_per_class=1, min_images_per_subset=1, max_label_shift=1)
    classes = faces.info["classes"]["smiling"]
    outcome = checks.check(
        split.table, faces.table, classes, protocol="published", settings=lenient, docs=tmp_path / "docs"
    )
    assert [outcome.errors, outcome.warnings] == [[], []]


def edit(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        path = next(root.rglob(name))
        path.write_text(change(path.read_text()))

    return spoil


def without(line: str) -> Callable[[str], str]:
    return lambda text: "".join(each for each in text.splitlines(keepends=True) if not each.startswith(line))


NESTED = "CelebAMask-HQ/CelebA-HQ-img"
ANNO, MAPPING, IDENTITY = "*attribute-anno.txt", "*mapping.txt", "identity_CelebA.txt"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: (r / "identity_CelebA.txt").unlink(), "identity_CelebA.txt not found"),
        (lambda r: next(r.rglob("CelebA-HQ-img")).rename(r / "pictures"), "CelebA-HQ-img not found"),
        (lambda r: next(r.rglob("7.jpg")).unlink(), r"of CelebAMask-HQ-attr.* not in CelebA-HQ-img: 7\.jpg"),
        (lambda r: draw(r / NESTED / "03.jpg"), r"CelebA-HQ-img: 1 index\(es\) more than once: 3"),
        (edit(ANNO, lambda t: t.replace("4.jpg  ", "3  ", 1)), r"attribute-anno\.txt: 1 index\(es\) more than once: 3"),
        (lambda r: draw(r / NESTED / "12.jpg"), r"1 picture\(s\) of CelebA-HQ-img not in .*: 12"),
        (edit(ANNO, lambda t: t.replace(" Male", " Man")), r"lacks the attribute\(s\) Male"),
        (edit(ANNO, lambda t: t.replace("3.jpg  -1  1", "3.jpg  -1  0")), r"1 row\(s\) with values other than -1"),
        (edit(ANNO, lambda t: t.replace("3.jpg  -1", "3.jpg  ")), r"1 line\(s\) without exactly 5 words.*: line 6"),
        (edit(ANNO, without("11.jpg")), "first line says 12 pictures, 11 follow"),
        (edit(ANNO, lambda t: t.replace("11.jpg", "x.jpg")), r"1 row\(s\) without a CelebA-HQ index: x"),
        (edit(ANNO, lambda t: "\n".join(t.splitlines()[:2])), "needs a line with the count"),
        (edit(MAPPING, without("11 ")), r"of CelebA-HQ-img not in CelebA-HQ-to-CelebA-mapping\.txt: 11"),
        (edit(MAPPING, lambda t: t + "1 2\n"), r"1 line\(s\) without exactly 3 words"),
        (edit(IDENTITY, without("000900.jpg")), r"1 picture\(s\) without an identity: 000900\.jpg.*202,599"),
        (edit(IDENTITY, lambda t: t + "000900.jpg 4\n"), r"1 name\(s\) listed more than once: 000900\.jpg"),
        (edit(IDENTITY, lambda _: ""), "identity_CelebA.txt is empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_explained(tmp_path: Path, spoil: Callable[[Path], object], message: str) -> None:
    spoil(write_celeba(tmp_path, IDENTITIES))
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_all_problems_come_in_one_message(tmp_path: Path) -> None:
    write_celeba(tmp_path, IDENTITIES)
    edit(ANNO, lambda text: text.replace(" Male", " Man"))(tmp_path)
    edit(IDENTITY, without("000900.jpg"))(tmp_path)
    with pytest.raises(DataError, match="2 problem"):
        read(tmp_path)
