"""Whom and what nobody may bring back: told again by who has the salt, and by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import layout, pseudonyms
from pipeline.erasure import tombstones
from pipeline.erasure.tombstones import PERSON, PICTURE, PIXELS, WEIGHTS, Traces
from pipeline.errors import EraseError, SaltError

pytestmark = pytest.mark.usefixtures("checkout")
TRACES = Traces(frozenset({"ann"}), frozenset({"p" * 64}), frozenset({"q" * 64}), weights=frozenset({"w" * 64}))


def test_what_is_entered_is_found_and_nothing_else() -> None:
    assert not tombstones.seal()
    assert not tombstones.seal().holds(PERSON, "ann")
    salt = pseudonyms.load()
    for _ in range(2):  # a run that is repeated
        tombstones.add(TRACES.digests(salt))
    text = layout.ERASED.read_text()
    assert len(text.splitlines()) == 5
    assert not any(secret in text for secret in ("ann", "pppp", "qqqq", "wwww"))
    seal = tombstones.seal()
    assert all(seal.holds(kind, one) for kind, one in ((PERSON, "ann"), (PICTURE, "p" * 64), (PIXELS, "q" * 64)))
    assert not seal.holds(PERSON, "bob")
    assert not seal.holds(PIXELS, "p" * 64)
    assert not seal.holds(WEIGHTS, "q" * 64)
    assert tombstones.of_persons() == {salt.key("ann")}


def test_what_is_about_to_be_erased_is_found_with_what_is_and_nothing_is_written() -> None:
    pseudonyms.load()  # made with the first request
    assert tombstones.seal(TRACES).holds(PERSON, "ann")
    assert not layout.ERASED.exists()
    tombstones.add(TRACES.digests(pseudonyms.load()))
    both = tombstones.seal(Traces(persons=frozenset({"bob"})))
    assert [both.holds(PERSON, name) for name in ("ann", "bob", "eve")] == [True, True, False]
    assert not tombstones.seal().holds(PERSON, "bob")


def test_without_the_salt_nobody_is_let_in() -> None:
    tombstones.add(TRACES.digests(pseudonyms.load()))
    (pseudonyms.salt_file()).write_text("1" * 64 + "\n")
    with pytest.raises(EraseError, match="another salt"):
        tombstones.seal()
    with pytest.raises(EraseError, match="another salt"):
        tombstones.seal(TRACES)  # before anything more is entered
    pseudonyms.salt_file().unlink()
    with pytest.raises(SaltError, match="missing"):
        tombstones.seal()


@pytest.mark.parametrize("text", ["kind\n", "kind,digest\nghost,x\n", "kind,digest\nperson\n"])
def test_a_damaged_file_is_told(text: str) -> None:
    layout.ERASURE.mkdir()
    Path(layout.ERASED).write_text(text)
    with pytest.raises(EraseError, match="restore it from git"):
        tombstones.read()
