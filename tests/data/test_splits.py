"""The split: invariants of the person protocol, the published one as it is, and each refusal."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_data import make_faces

from pipeline.data import balance, groups, person_split, published_split, splits, subset_names
from pipeline.errors import ConfigError, DataError
from pipeline.settings import SplitSettings

CLASSES = {"age": ["x", "y", "z"]}


def make(faces: pd.DataFrame, seed: int = 0, task: str = "age", **chosen: object) -> splits.Split:
    return splits.make(faces, CLASSES, task=task, settings=SplitSettings(**chosen), seed=seed)  # type: ignore[arg-type]


def check_sound(faces: pd.DataFrame, split: splits.Split) -> None:
    """What holds for every split under `person`."""
    table = split.table
    assert list(table.columns) == list(splits.COLUMNS)
    assert table["image"].tolist() == faces["image"].tolist()
    assert set(table["subset"]) <= {*subset_names.SUBSETS, "excluded"}
    assert ((table["reason"] != "") == (table["subset"] == "excluded")).all()
    for by in (table["person"], table["unit"], faces["content"]):
        assert groups.sides_touched(table["subset"], by).fillna(0).max() <= 1
    used = table[table["subset"] != "excluded"]
    assert used["label"].ge(0).all()
    assert faces["content"][used.index].groupby(faces["content"]).size().max() == 1
    assert sum(split.summary["counts"].values()) == len(faces)
    assert split.summary["warnings"] == []
    counts = split.summary["counts"]
    assert counts["unseen"] <= counts["forget"] or "forget_by_name" in split.summary


@given(
    persons=st.integers(20, 60),
    keys=st.integers(0, 10),
    seed=st.integers(0, 5),
    forget=st.floats(0.1, 0.3),
    held_out=st.floats(0.15, 0.3),
)
@settings(max_examples=25)
def test_the_person_protocol_is_sound(persons: int, keys: int, seed: int, forget: float, held_out: float) -> None:
    rng = np.random.default_rng(seed)
    person = np.repeat([f"p{number:02d}" for number in range(persons)], rng.integers(1, 8, persons))
    content = np.arange(len(person))
    for _ in range(keys):  # some pictures are copies of others
        content[rng.integers(len(person))] = content[rng.integers(len(person))]
    age = rng.integers(-1, 3, len(person))
    faces = make_faces(person.tolist(), [f"c{number}" for number in content], age.tolist())
    split = make(faces, seed, forget_fraction=forget, test_fraction=held_out, validation_fraction=0.15)
    check_sound(faces, split)
    used = split.table[split.table["subset"] != "excluded"]
    largest = used.groupby("unit").size().max()
    got = used["subset"].replace({"unseen": "test"}).value_counts()
    for name, share in (("forget", forget), ("test", held_out), ("validation", 0.15)):
        assert abs(got[name] - share * len(used)) <= largest + 1  # whole units only


def test_label_mixes_are_alike_and_unseen_matches_forget(many_faces: pd.DataFrame) -> None:
    split = make(many_faces, duplicates="drop")
    check_sound(many_faces, split)
    assert split.summary["label_shift"] <= balance.UNSEEN_SHIFT
    counts = split.summary["counts"]
    assert counts["unseen"] >= 0.9 * counts["forget"]
    table = split.table
    for name in ("forget", "validation"):
        labels = [table["label"][table["subset"] == subset] for subset in (name, "retain")]
        assert groups.label_shift(*labels, 3) < 0.1


def test_the_same_seed_gives_the_same_split_and_another_another(many_faces: pd.DataFrame) -> None:
    a, b, c = (make(many_faces, seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(a.table, b.table)
    assert a.summary == b.summary
    assert (a.table["subset"] != c.table["subset"]).any()


def test_duplicates_leave_one_and_name_it(many_faces: pd.DataFrame) -> None:
    table = make(many_faces).table
    assert table.loc[[1, 7], "reason"].tolist() == ["duplicate of image 0"] * 2
    assert table.loc[100, "reason"] == "duplicate of image 99"
    assert table.loc[7, "unit"] == table.loc[0, "unit"] == "F00/D"
    assert table.loc[7, "person"] == "F01/D"
    kept = make(many_faces, duplicates="keep")
    assert "excluded" not in kept.summary["counts"]
    assert kept.table.loc[7, "subset"] != "excluded"
    assert groups.sides_touched(kept.table["subset"], many_faces["content"]).max() == 1


@pytest.mark.parametrize("duplicates", ["drop", "keep"])
def test_identical_pictures_that_disagree_and_unknown_labels_are_excluded(
    many_faces: pd.DataFrame, duplicates: str
) -> None:
    many_faces.loc[[0, 1], "age"] = 0
    many_faces.loc[7, "age"] = 2
    many_faces.loc[[99, 20], "age"] = -1
    split = make(many_faces, duplicates=duplicates)
    reasons = split.table["reason"]
    assert reasons[[0, 1, 7]].tolist() == ["identical pictures with different labels"] * 3
    assert reasons[[99, 20]].tolist() == ["no label for age"] * 2
    assert reasons[100] == ""  # the copy of 99 that has a label
    assert split.summary["excluded"]["no label for age"] == 2


def test_persons_who_ask_are_forgotten_whole(many_faces: pd.DataFrame) -> None:
    split = make(many_faces, forget_persons=["F05/D", "F00/D"])
    check_sound(many_faces, split)
    forgotten = split.table[split.table["subset"] == "forget"]
    assert set(forgotten["person"]) == {"F00/D", "F01/D", "F05/D"}  # F01 shares a picture with F00
    assert split.summary["notes"] == [
        "1 further person key(s) share pictures with the persons to forget and are forgotten as well"
    ]
    assert not split.table.loc[split.table["person"].isin(["F00/D", "F01/D", "F05/D"]), "subset"].isin(["retain"]).any()
    held_out = split.table["subset"].isin(["test", "unseen"]).sum() / (split.table["subset"] != "excluded").sum()
    assert held_out == pytest.approx(SplitSettings().test_fraction, abs=0.03)


def test_an_unknown_person_is_named_with_the_nearest(many_faces: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match=r"'F5/D' \(nearest: 'F5\d/D'\)") as error:
        make(many_faces, forget_persons=["F5/D"])
    assert "/D" not in str(error.value).splitlines()[0], "MLflow is told the first line"


def test_a_person_without_usable_pictures_is_told_of(many_faces: pd.DataFrame) -> None:
    many_faces.loc[many_faces["person"] == "F09/D", "age"] = -1
    split = make(many_faces, forget_persons=["F09/D", "F05/D"])
    assert set(split.table.loc[split.table["subset"] == "forget", "person"]) == {"F05/D"}
    (note,) = split.summary["notes"]
    assert "every picture of 1 person(s) to forget is excluded" in note


def test_a_person_without_usable_pictures_leaves_nothing_to_forget(many_faces: pd.DataFrame) -> None:
    many_faces.loc[many_faces["person"] == "F09/D", "age"] = -1
    with pytest.raises(DataError, match=r"no image in forget.* there is nothing to unlearn"):
        make(many_faces, forget_persons=["F09/D"])


@given(seed=st.integers(0, 3), asked=st.sets(st.integers(0, 59), min_size=1, max_size=6))
@settings(max_examples=15)
def test_requests_move_nobody_else(seed: int, asked: set[int]) -> None:
    """Beside them: who was to be forgotten at random is retained. Nobody who was held out is learned."""
    rng = np.random.default_rng(7)
    faces = make_faces(
        [f"p{number:02d}" for number in range(60) for _ in range(4)],
        [f"c{number}" for number in range(240)],
        rng.integers(0, 3, 240).tolist(),
    )
    persons = {f"p{number:02d}" for number in asked}
    plain, named = (
        make(faces, seed),
        splits.make(faces, CLASSES, task="age", settings=SplitSettings(), seed=seed, requested=persons),
    )
    check_sound(faces, named)
    assert set(named.table.loc[named.table["subset"] == "forget", "person"]) == persons
    held_out = {"unseen": "held out", "test": "held out"}
    expected = plain.table["subset"].replace({"forget": "retain", **held_out})
    others = ~named.table["person"].isin(persons)
    assert (named.table["subset"].replace(held_out)[others] == expected[others]).all()


def test_no_request_is_no_change(many_faces: pd.DataFrame) -> None:
    plain = make(many_faces)
    asked = splits.make(many_faces, CLASSES, task="age", settings=SplitSettings(), seed=0, requested=set())
    pd.testing.assert_frame_equal(plain.table, asked.table)
    assert plain.summary == asked.summary
    assert "forget_by_name" not in plain.summary


def test_one_person_is_compared_with_as_many_as_their_labels_allow(many_faces: pd.DataFrame) -> None:
    plain = make(many_faces)
    split = make(many_faces, forget_persons=["F05/D"])
    counts = split.summary["counts"]
    assert counts["forget"] == 5
    assert counts["unseen"] > 4 * counts["forget"]
    assert split.summary["label_shift"] <= balance.UNSEEN_SHIFT
    assert counts["unseen"] + counts["test"] >= plain.summary["counts"]["unseen"] + plain.summary["counts"]["test"] - 5


def test_requests_and_named_persons_are_forgotten_together(many_faces: pd.DataFrame) -> None:
    chosen = SplitSettings(forget_persons=["F05/D"])
    split = splits.make(many_faces, CLASSES, task="age", settings=chosen, seed=0, requested={"F30/D", "F05/D"})
    assert set(split.table.loc[split.table["subset"] == "forget", "person"]) == {"F05/D", "F30/D"}


def test_what_a_split_says_of_itself_names_nobody(published: pd.DataFrame, many_faces: pd.DataFrame) -> None:
    told = [make(published, protocol="published").summary, make(many_faces, forget_persons=["F00/D"]).summary]
    assert told[0]["leaks"]["cut_persons"]
    assert "/D" not in str(told)


def test_fractions_must_leave_something(many_faces: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="nothing is left to retain"):
        make(many_faces, forget_fraction=0.5, validation_fraction=0.3, test_fraction=0.2)


def test_too_few_persons_are_explained() -> None:
    with pytest.raises(DataError, match=r"no image in .* of 2 person\(s\)"):
        make(make_faces(["a", "b"], ["0", "1"], [0, 1]))


def test_no_labels_for_the_task(many_faces: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"no labels for task 'gender'.*age"):
        make(many_faces, task="gender")


@pytest.fixture
def published(many_faces: pd.DataFrame) -> pd.DataFrame:
    many_faces["published_subset"] = ["forget"] * 52 + ["retain"] * 148 + ["validation"] * 50 + ["unseen"] * 50
    return many_faces


def test_the_published_split_is_taken_as_it_is_and_its_leaks_are_counted(published: pd.DataFrame) -> None:
    published.loc[7, "age"] = (published.loc[0, "age"] + 1) % 3
    for column in ("content", "age"):
        published.loc[250, column] = published.loc[199, column]
    published.loc[30, "age"] = -1
    split = make(published, protocol="published")
    used = split.table["subset"] != "excluded"
    assert (~used).sum() == 1
    assert (split.table["subset"] == published["published_subset"])[used].all()
    leaks = split.summary["leaks"]
    assert leaks["contents"] == {"retain & unseen": 1}
    assert leaks["units"] == {"forget & retain": 1, "retain & unseen": 1}
    assert leaks["persons"] == {"forget & retain": 1}
    assert leaks["cut_persons"] == [50]
    assert leaks["conflicts"] == 1
    assert leaks["duplicates"] == 3
    assert "1 person key(s) cut in two, such as on image 50" in split.summary["warnings"]


def test_a_data_set_without_a_split_of_its_own(many_faces: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="protocol: person"):
        make(many_faces, protocol="published")


def test_published_has_a_fixed_forget_set(published: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match=r"cannot go with `split.protocol: published`"):
        make(published, protocol="published", forget_persons=["F00/D"])


def test_a_published_split_without_a_forget_set(published: pd.DataFrame) -> None:
    published["published_subset"] = published["published_subset"].replace("forget", "retain")
    with pytest.raises(DataError, match="no image in forget"):
        make(published, protocol="published")


@given(st.lists(st.integers(0, 3), min_size=5, max_size=200), st.lists(st.integers(0, 40), min_size=4, max_size=4))
def test_matching_keeps_the_mix_where_it_can(pool: list[int], wanted: list[int]) -> None:
    labels = pd.Series(pool, index=np.arange(len(pool)) + 1000)
    chosen = balance.matching(labels, np.array(wanted), np.random.default_rng(0))
    assert len(set(chosen)) == len(chosen) <= sum(wanted)
    assert set(chosen) <= set(labels.index)
    there = np.bincount(pool, minlength=4)
    if (there >= wanted).all():
        assert np.bincount(labels[chosen].astype(int), minlength=4).tolist() == wanted


def test_writing_and_reading(tmp_path: Path, many_faces: pd.DataFrame) -> None:
    folder = tmp_path / "splits"
    with pytest.raises(DataError, match="not found"):
        splits.read(folder)
    split = make(many_faces)
    splits.write(split, folder)
    pd.testing.assert_frame_equal(splits.read(folder), split.table)
    (folder / "splits.parquet").write_bytes(b"half")
    with pytest.raises(DataError, match="damaged"):
        splits.read(folder)


def test_settings_are_all_read() -> None:
    """A knob that the split ignores would be a lie in params.yaml."""
    source = "".join(Path(str(part.__file__)).read_text() for part in (splits, person_split, published_split))
    assert all(f"settings.{field.name}" in source for field in dataclasses.fields(SplitSettings))


def test_persons_of_earlier_rounds_are_apart_from_everything(many_faces: pd.DataFrame) -> None:
    chosen = {"task": "age", "settings": SplitSettings(), "seed": 0}
    first = splits.make(many_faces, CLASSES, requested={"F00/D"}, **chosen)  # type: ignore[arg-type]
    second = splits.make(many_faces, CLASSES, requested={"F30/D"}, forgotten={"F00/D"}, **chosen)  # type: ignore[arg-type]
    check_sound(many_faces, second)
    persons = second.table.groupby("subset")["person"].unique()
    assert set(persons["forgotten"]) == {"F00/D", "F01/D"}, "with the key that shares a picture"
    assert set(persons["forget"]) == {"F30/D"}
    others = ~second.table["person"].isin(["F00/D", "F01/D", "F30/D"])
    one = {"unseen": "held out", "test": "held out"}
    a, b = (split.table["subset"][others].replace(one) for split in (first, second))
    assert (a == b).all()
    assert second.summary["counts"]["forgotten"] == 8
    assert second.summary["forgotten_earlier"] == 1


def test_with_nobody_new_there_is_nothing_to_forget(many_faces: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="nobody new to forget"):
        splits.make(many_faces, CLASSES, task="age", settings=SplitSettings(), seed=0, forgotten={"F00/D"})


def test_who_shares_pictures_with_somebody_of_an_earlier_round_is_unlearned_all_the_same(
    many_faces: pd.DataFrame,
) -> None:
    """F01 is of one unit with F00: the model may have learned the picture that joins them."""
    settings = SplitSettings()
    split = splits.make(
        many_faces, CLASSES, task="age", settings=settings, seed=0, requested={"F01/D"}, forgotten={"F00/D"}
    )
    both = split.table[split.table["person"].isin({"F00/D", "F01/D"})]
    assert set(both["subset"]) <= {"forget", "excluded"}
    assert "forget" in set(both["subset"])


@given(seed=st.integers(0, 3), erased=st.sets(st.integers(0, 59), min_size=1, max_size=8), added=st.integers(0, 6))
@settings(max_examples=15)
def test_who_was_held_out_stays_so_whoever_is_erased_or_comes(seed: int, erased: set[int], added: int) -> None:
    rng = np.random.default_rng(7)
    person = [f"p{number:02d}" for number in range(60 + added) for _ in range(4)]
    everyone = make_faces(person, [f"c{n}" for n in range(len(person))], rng.integers(0, 3, len(person)).tolist())
    before = make(everyone[:240], seed)
    gone = {f"p{number:02d}" for number in erased}
    faces = everyone[~everyone["person"].isin(gone)].reset_index(drop=True)
    faces["image"] = np.arange(len(faces), dtype="int32")
    after = splits.make(
        faces, CLASSES, task="age", settings=SplitSettings(test_fraction=0.3), seed=seed + 1, kept=before.sides
    )
    check_sound(faces, after)
    stayed = [name for name in before.sides if name not in gone]
    assert {name: after.sides[name] for name in stayed} == {name: before.sides[name] for name in stayed}
    assert set(after.sides) == set(faces["person"])


def test_sides_are_written_beside_the_split(tmp_path: Path, many_faces: pd.DataFrame) -> None:
    split = make(many_faces)
    splits.write(split, tmp_path)
    told = pd.read_csv(tmp_path / "sides.csv").set_index("person")["side"].to_dict()
    assert told == split.sides
    assert set(told.values()) == {"retain", "forget", "validation", "pool"}


@pytest.mark.parametrize("held_out", ["pool", "validation"])
def test_who_was_held_out_asked_and_withdrew_is_learned_by_then(many_faces: pd.DataFrame, held_out: str) -> None:
    drawn = make(many_faces).sides
    person = next(name for name, side in drawn.items() if side == held_out and name != "F30/D")
    along = {name for name in drawn if name[:3] == person[:3]}
    asked = make(many_faces, forget_persons=[person])
    moved = {name for name in drawn if asked.sides[name] != drawn[name]}
    assert person in moved <= along, "all others as drawn, whoever asks"
    assert {asked.sides[name] for name in moved} == {"retain"}
    withdrawn = splits.make(
        many_faces, CLASSES, task="age", settings=SplitSettings(), seed=0, kept=asked.sides, requested={"F30/D"}
    )
    assert set(withdrawn.table.query("person == @person")["subset"]) <= {"retain", "excluded"}
