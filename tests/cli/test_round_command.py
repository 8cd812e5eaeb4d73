"""`dlfd round` and what the split makes of it: the model in service, what it has forgotten, who was held out."""

from __future__ import annotations

from pathlib import Path

import pytest
import registry_checkout as tiny
from click.testing import Result
from typer.testing import CliRunner

from pipeline import layout, pseudonyms
from pipeline.erasure import ledger, requests, rounds
from pipeline.erasure.ledger import Event
from pipeline.registry import starting_point, versions
from pipeline.tracking import tracking_store
from stages.cli import app as everything
from stages.cli.rounds import app


@pytest.fixture
def store(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A champion of which two were held out; its three requests: forgotten, new, and forgotten but withdrawn."""
    tiny.fill(checkout, monkeypatch)
    (layout.SPLITS / "sides.csv").write_text("person,side\nann,retain\nbob,pool\ncat,pool\n")
    versions.register("faces", tiny.write_model("dlfd", 1), tiny.metrics())
    salt, now = pseudonyms.load(), ledger.now()
    asked = [
        Event(f"20261121-{letter * 6}", ledger.RECEIVED, salt.key(person), "2026-12-21", time=now)
        for letter, person in (("a", "ann"), ("b", "bob"), ("c", "cat"))
    ]
    withdrawn = Event(asked[2].request, ledger.WITHDRAWN, asked[2].person, time=now)
    ledger.append(layout.REQUESTS, lambda known: [*asked, withdrawn])
    done = [Event(one.request, ledger.UNLEARNED, one.person, model="faces/1", time=now) for one in asked[::2]]
    ledger.append(requests.progress_file(), lambda known: done)
    return checkout


def dlfd(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_round_needs_a_model_in_service_and_says_what_it_starts_from(store: Path) -> None:
    refused = dlfd("start")
    assert refused.exit_code == 1
    assert "faces has no champion to start from" in refused.stderr
    assert not layout.ROUND.exists()
    assert "no round has begun" in dlfd("show").stdout

    tracking_store.connect().client.set_registered_model_alias("faces", "champion", "1")
    done = dlfd("start")
    assert done.exit_code == 0
    assert "rounds start from faces/1" in done.stdout
    assert "1 open request(s) are forgotten in it already, 1 are new" in done.stdout
    assert "unlearn.start_from is original" in done.stderr
    base = rounds.read()
    assert (base.model, base.requests) == ("faces/1", ["20261121-aaaaaa"])
    assert base.weights_sha256 == tiny.sha256("1")
    held_out = {key for key, side in rounds.read_sides().items() if side == "pool"}
    assert held_out == {pseudonyms.load().key(person) for person in ("bob", "cat")}
    before = layout.ROUND.read_bytes(), layout.SIDES.read_bytes()
    assert dlfd("start").exit_code == 0, "again"
    assert (layout.ROUND.read_bytes(), layout.SIDES.read_bytes()) == before
    assert dlfd("show").stdout.splitlines()[0] in done.stdout

    starting_point.fetch(base.model, base.weights_sha256, layout.BASE)
    assert {path.name for path in layout.BASE.iterdir()} == {"model.safetensors", "model.json", "sides.csv"}


def test_a_champion_that_hands_registered_is_told(store: Path) -> None:
    client = tracking_store.connect().client
    client.set_registered_model_alias("faces", "champion", "1")
    client.delete_model_version_tag("faces", "1", versions.WEIGHTS_SHA)
    refused = dlfd("start")
    assert refused.exit_code == 1
    assert "version 1 of faces has no tag weights_sha256" in refused.stderr
    assert "promote a version that `dvc repro` registered" in refused.stderr
    assert not layout.ROUND.exists()


def test_nothing_is_erased_while_the_champion_cannot_be_started_from(store: Path) -> None:
    """Such as one of an earlier release: found out when the pictures are gone, it could not be mended any more."""
    tracking_store.connect().client.set_registered_model_alias("faces", "champion", "1")
    key = pseudonyms.load().key("ann")
    came = Event("20261121-aaaaaa", ledger.IN_SERVICE, key, model="faces/1", time=ledger.now())
    ledger.append(requests.progress_file(), lambda known: [came])
    (version,) = versions.every("faces")
    (sides,) = tiny.artifacts(version.source).rglob("sides.csv")
    sides.unlink()
    before = {path: path.read_bytes() for path in store.rglob("*.csv")}
    for arguments in ([], ["--yes"]):
        refused = CliRunner().invoke(everything, ["erase", *arguments])
        assert refused.exit_code == 1, refused.output
        assert "does not say who was held out when it was made" in refused.stderr
    assert {path: path.read_bytes() for path in store.rglob("*.csv")} == before
