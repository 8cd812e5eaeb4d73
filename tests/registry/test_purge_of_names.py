"""What erasing keeps of versions that are registered under several names of one experiment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from promotions import ask, promote, states
from registry_checkout import train

from pipeline.erasure import requests
from pipeline.errors import EraseError
from pipeline.registry import version_purge
from pipeline.tracking import tracking_store


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
