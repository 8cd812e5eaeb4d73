"""What a round starts from, and who stays on which side."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import layout, pseudonyms
from pipeline.erasure import rounds
from pipeline.errors import ConfigError, RequestError

pytestmark = pytest.mark.usefixtures("checkout")
BASE = rounds.Base("faces/3", "a" * 64, ["20261121-aaaaaa", "20261121-bbbbbb"])


def test_a_round_is_written_and_read() -> None:
    assert rounds.read() == rounds.Base()
    rounds.write(BASE)
    assert rounds.read() == BASE
    assert rounds.base_of("champion") == BASE
    assert rounds.base_of("original") is None, "the parameter decides, whatever the file says"
    assert [path.name for path in layout.ERASURE.iterdir()] == ["round.json"]


def test_no_round_has_begun() -> None:
    for prepare in (lambda: None, lambda: rounds.write(rounds.Base())):
        prepare()
        with pytest.raises(ConfigError, match="`dlfd round start`"):
            rounds.base_of("champion")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"model": "m", "weights_sha256": "a", "requests": 3}'])
def test_a_damaged_round_is_told(text: str) -> None:
    layout.ERASURE.mkdir()
    layout.ROUND.write_text(text)
    with pytest.raises(RequestError, match="git checkout"):
        rounds.read()


def test_sides_are_kept_by_pseudonym_and_found_again() -> None:
    salt = pseudonyms.load()
    sides = {"ann": "retain", "bob": "pool", "zoe": "validation"}
    rounds.write_sides(rounds.pseudonymous(sides, salt))
    assert "ann" not in layout.SIDES.read_text()
    assert rounds.own_sides(["ann", "bob", "new"], salt) == {"ann": "retain", "bob": "pool"}
    assert rounds.own_sides(["ann"], salt, Path("nowhere.csv")) == {}


def test_sides_of_another_salt_are_not_taken_for_newcomers() -> None:
    rounds.write_sides(rounds.pseudonymous({"ann": "retain"}, pseudonyms.load()))
    other = pseudonyms.Salt(b"x" * 32, Path("other"))
    with pytest.raises(RequestError, match="another salt"):
        rounds.own_sides(["ann"], other)


@pytest.mark.parametrize("text", ["", "person\n", "person,side\nann\n", "person,side\nann,nowhere\n"])
def test_damaged_sides_are_told(text: str) -> None:
    layout.ERASURE.mkdir()
    layout.SIDES.write_text(text)
    with pytest.raises(RequestError, match="git checkout"):
        rounds.read_sides()
