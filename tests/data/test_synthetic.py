"""Synthetic faces: the invariants a test bed for unlearning needs. Nothing here pins a pixel."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.data import people
from pipeline.data.sources import TASKS, RawDataset, synthetic
from pipeline.errors import DataError


def write(root: Path, **keys: object) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset.yaml").write_text(yaml.safe_dump({"kind": "synthetic", **keys}), encoding="utf-8")
    return root


def small(root: Path, **keys: object) -> RawDataset:
    return synthetic.read(write(root, **{"persons": 6, "images_per_person": 3, "image_size": 24, **keys}))


def pictures(data: RawDataset) -> np.ndarray:
    return np.stack([data.image(row) for row in range(len(data.table))])


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, np.ndarray]:
    """Table and pictures [N, 24, 24, 3] of enough faces to learn something from."""
    data = small(tmp_path_factory.mktemp("crowd"), persons=500, images_per_person=3)
    return data.table, pictures(data)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return small(tmp_path_factory.mktemp("table"), persons=400, images_per_person=4).table


def test_the_shipped_descriptor_is_read_and_draws_a_face() -> None:
    root = Path(__file__).parents[2] / "datasets" / "synthetic"
    assert synthetic.recognises(root)
    described = synthetic.read_descriptor(root / "dataset.yaml")
    assert described == synthetic.Descriptor()  # what the file spells out are the defaults
    picture = synthetic.draw(described.seed, described.persons - 1, 0, described.image_size)
    assert picture.shape == (described.image_size, described.image_size, 3)


def test_the_fresh_faces_are_other_persons_of_the_same_kind() -> None:
    folders = Path(__file__).parents[2] / "datasets"
    default, fresh = [
        synthetic.read_descriptor(folders / name / "dataset.yaml") for name in ("synthetic", "synthetic-fresh")
    ]
    assert fresh != default
    assert fresh == replace(default, seed=fresh.seed)
    first = [synthetic.draw(one.seed, 0, 0, one.image_size) for one in (default, fresh)]
    assert not np.array_equal(*first)


def test_a_folder_without_descriptor_is_not_recognised(tmp_path: Path) -> None:
    assert not synthetic.recognises(tmp_path)
    assert synthetic.recognises(write(tmp_path))


def test_the_same_descriptor_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = small(tmp_path / "a"), small(tmp_path / "b")
    pd.testing.assert_frame_equal(first.table, second.table)
    np.testing.assert_array_equal(pictures(first), pictures(second))


def test_another_seed_gives_other_people(tmp_path: Path) -> None:
    assert (pictures(small(tmp_path / "a")) != pictures(small(tmp_path / "b", seed=1))).mean() > 0.9


def test_a_picture_depends_neither_on_order_nor_on_threads(tmp_path: Path) -> None:
    data = small(tmp_path)
    expected = pictures(data)
    backwards = list(reversed(range(len(data.table))))
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(data.image, backwards))
    np.testing.assert_array_equal(np.stack(drawn)[::-1], expected)


def test_more_persons_or_pictures_leave_the_first_ones_as_they_are(tmp_path: Path) -> None:
    few = small(tmp_path / "few")
    many = small(tmp_path / "many", persons=9, images_per_person=5)
    same = many.table["source"].isin(few.table["source"]).to_numpy()
    pd.testing.assert_frame_equal(many.table[same].reset_index(drop=True), few.table)
    np.testing.assert_array_equal(pictures(many)[same], pictures(few))


@pytest.mark.parametrize("size", [16, 33, 97])
def test_any_size_shows_the_same_picture(size: int) -> None:
    from PIL import Image

    large = Image.fromarray(synthetic.draw(0, 3, 0, 192)).resize((size, size), Image.Resampling.BOX)
    drawn = synthetic.draw(0, 3, 0, size)
    assert drawn.shape == (size, size, 3)
    assert drawn.dtype == np.uint8
    assert np.abs(drawn.astype(float) - np.asarray(large, float)).mean() < 14


def test_no_picture_is_drawn_before_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("drawn too early")

    monkeypatch.setattr(synthetic.faces, "portrait", refuse)
    small(tmp_path)


def test_the_table_keeps_the_contract(table: pd.DataFrame) -> None:
    assert set(table.columns) == {"person", "source", "published_subset", *TASKS}
    assert table["source"].is_unique
    assert table["person"].iloc[0] == "p0000"
    assert table["person"].value_counts().eq(4).all()
    assert set(synthetic.CLASSES) == set(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_every_class_of_a_task_appears_and_no_other(table: pd.DataFrame, task: str) -> None:
    share = table[task].value_counts(normalize=True)
    assert sorted(share.index) == list(range(len(synthetic.CLASSES[task])))
    assert share.min() > 0.03


def test_labels_agree_with_each_other(table: pd.DataFrame) -> None:
    assert table.loc[table["age"] <= 3, "young"].eq(1).all()
    assert table.loc[table["age"] >= 5, "young"].eq(0).all()
    assert table.loc[table["age"] == 4, "young"].nunique() == 2  # 31-45: forty lies within
    happy = table["emotion"] == people.EMOTIONS.index("happiness")
    assert table.loc[happy, "smiling"].eq(1).all()
    assert table.loc[~happy, "smiling"].mean() < 0.05


def test_a_person_keeps_gender_and_nearly_always_the_age_group(table: pd.DataFrame) -> None:
    by_person = table.groupby("person")
    assert by_person["gender"].nunique().eq(1).all()
    assert (by_person["age"].max() - by_person["age"].min()).le(1).all()
    assert by_person["age"].nunique().eq(1).mean() > 0.8
    assert by_person["emotion"].nunique().mean() > 2


def test_pictures_of_one_person_differ_but_resemble_each_other_more_than_others(
    crowd: tuple[pd.DataFrame, np.ndarray],
) -> None:
    _, images = crowd
    faces = images[:, 4:20, 5:19].reshape(500, 3, -1).astype(np.float32)  # most of the background cut away
    faces -= faces.mean(axis=2, keepdims=True)  # light is not identity
    same = np.linalg.norm(faces[:, 0] - faces[:, 1], axis=1)
    other = np.linalg.norm(faces[:, 0] - np.roll(faces[:, 1], 1, axis=0), axis=1)
    assert same.min() > 0
    assert same.mean() < 0.85 * other.mean()


@pytest.mark.parametrize("task", ["age", "emotion", "gender", "young", "smiling"])
def test_labels_show_in_the_pixels(crowd: tuple[pd.DataFrame, np.ndarray], task: str) -> None:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table, images = crowd
    pixels = images.mean(axis=3).reshape(len(images), -1) / 255
    known, new = slice(0, 1200), slice(1200, None)  # whole persons
    labels = table[task].to_numpy()
    fair = LogisticRegression(C=0.02, max_iter=300, class_weight="balanced")
    model = make_pipeline(PCA(80, random_state=0), StandardScaler(), fair).fit(pixels[known], labels[known])
    chance = 1 / len(synthetic.CLASSES[task])  # of a constant guess, on the balanced accuracy
    assert balanced_accuracy_score(labels[new], model.predict(pixels[new])) > 1.2 * chance


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"person": 3}, ["person", "did you mean `persons`"]),
        ({"colour": 3}, ["colour", "unknown key", "image_size"]),
        ({"persons": -1}, ["persons", "from 1 to", "-1"]),
        ({"persons": "many"}, ["persons", "whole number", "'many'"]),
        ({"seed": True}, ["seed", "whole number"]),
        ({"images_per_person": 0}, ["images_per_person", "from 1"]),
        ({"image_size": 8}, ["image_size", "from 16 to 512"]),
        ({"image_size": 48.5}, ["image_size", "48.5"]),
        ({"kind": "photographs"}, ["kind", "photographs", "synthetic"]),
        ({"seed": -1, "persons": 0}, ["seed", "persons"]),
    ],
)
def test_a_bad_descriptor_is_refused_by_naming_key_and_remedy(
    tmp_path: Path, keys: dict[str, object], named: list[str]
) -> None:
    with pytest.raises(DataError) as error:
        synthetic.read(write(tmp_path, **keys))
    for part in ["dataset.yaml", *named]:
        assert part in str(error.value)


@pytest.mark.parametrize("text", ["", "- a\n", "seed: [", "\xff"])
def test_a_damaged_descriptor_is_one_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"dataset\.yaml"):
        synthetic.read(tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_every_person_can_be_drawn(seed: int) -> None:
    pale_or_dark = [synthetic.draw(seed, number, 0, 16).std() for number in range(120)]
    assert min(pale_or_dark) > 10  # something is on every picture
