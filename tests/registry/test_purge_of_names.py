"""What erasing keeps of versions that are registered under several names of one experiment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import registry_checkout as tiny
from promotions import ask, promote, states
from registry_checkout import train
from typer.testing import CliRunner

from pipeline import layout
from pipeline.erasure import purge, requests
from pipeline.erasure.tombstones import Traces
from pipeline.errors import EraseError
from pipeline.registry import version_purge
from pipeline.serving import served_model
from pipeline.tracking import tracking_store
from stages.cli import app, rounds
from stages.dvc_tools import purging
from stages.dvc_tools.purging import Kept


def serve(name: str, number: int) -> None:
    tracking_store.connect().client.set_registered_model_alias(name, "champion", str(number))


def kept(name: str) -> set[str]:
    return version_purge.to_keep(name, version_purge.registered(name), requests.read())


@pytest.fixture
def names(name: str) -> Iterator[tuple[str, str]]:
    """Under each: version 1 remembers A, version 2 has forgotten A. Nothing of them is left to the next test."""
    other = f"{name}-other"
    ask("A")
    for one in (name, other):
        train(one, "")
        train(one, "A")
    yield name, other
    client = tracking_store.connect().client
    for one in client.search_registered_models():
        client.delete_registered_model(one.name)


def test_what_has_forgotten_everybody_stays_under_every_name(names: tuple[str, str]) -> None:
    name, other = names
    serve(other, 2)
    keep = kept(name)
    assert keep == {f"{name}/2", f"{other}/2"}
    gone = set(version_purge.find(name, keep).versions)
    assert gone >= {f"{name}/1", f"{other}/1"}
    assert not gone & keep


def test_what_is_in_service_under_another_name_is_not_taken_away(names: tuple[str, str]) -> None:
    name, other = names
    serve(name, 2)
    serve(other, 1)
    with pytest.raises(EraseError, match=rf"{other}/1: in service under another name .*promote --name {other}`"):
        kept(name)
    promote(other, 2)
    promote(name, 2)
    assert kept(name) == {f"{name}/2", f"{other}/2"}
    assert set(states().values()) == {"in service"}
    (asked,) = requests.read()
    assert asked.model == f"{name}/2", "the remedy leaves it ready to be erased"


def test_without_its_alias_it_goes_with_the_others(names: tuple[str, str]) -> None:
    name, other = names
    serve(other, 1)
    tracking_store.connect().client.delete_registered_model_alias(other, "champion")
    assert f"{other}/1" in version_purge.find(name, kept(name)).versions


def test_versions_whose_models_are_of_another_experiment_are_not_looked_at(names: tuple[str, str]) -> None:
    name, other = names
    store, foreign = tracking_store.connect(), f"{name}-foreign"
    with store.fluent():
        logged = store.client.create_logged_model(store.client.create_experiment(foreign), "foreign")
        store.client.create_registered_model(foreign)
        store.client.create_model_version(foreign, f"models:/{logged.model_id}", model_id=logged.model_id)
    serve(foreign, 1)
    found = version_purge.registered(name)
    assert {one: [version.number for version in found[one]] for one in names} == {name: [2, 1], other: [2, 1]}
    assert foreign not in found
    assert f"{foreign}/1" not in version_purge.find(name, kept(name)).versions


def test_a_champion_that_remembers_stops_the_command_and_one_that_forgot_stays(tmp_path: Path) -> None:
    """B shares pictures with A, who alone is in service; the store and DVC stand aside."""
    with tiny.opened(tmp_path) as patch:
        patch.setattr(served_model, "log", tiny.log)
        ask("A")
        train("faces", "A")
        promote("faces")
        train("other", "")
        train("other", "A")
        ask("B")
        patch.setattr(rounds, "base_from", lambda name, found: None)
        patch.setattr(purge, "persons", lambda *_: purge.Persons(frozenset("AB"), 2, Traces()))
        patch.setattr(purging, "inspect", lambda: Kept(tmp_path / "cache", 0, 0, 0, [], {}))
        serve("other", 1)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}
        refused = CliRunner().invoke(app, ["erase", "--yes"])
        assert refused.exit_code == 1, refused.output
        assert "other/1: in service under another name" in refused.stderr
        assert {path: path.read_bytes() for path in tmp_path.rglob("*.csv")} == before
        assert not layout.ERASED.exists()
        serve("other", 2)
        dry = CliRunner().invoke(app, ["erase"])
        assert dry.exit_code == 0, dry.output
        assert "1 request(s), and 1 of persons who share pictures with them; faces/1 stays" in dry.stdout
        assert "other/1" in dry.stdout
        assert "other/2" not in dry.stdout
        assert "are not in service and stay" not in dry.stderr
