"""`dlfd models`: what a person sees and may do, on a real registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import registry_checkout as tiny
from click.testing import Result
from typer.testing import CliRunner

from pipeline import layout, models, registry, tracking_store
from pipeline.erasure import ledger, requests
from stages.cli.models import app


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cli")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DVC_ROOT", "MLFLOW_TRACKING_URI", "DLFD_TRACKING", "MLFLOW_EXPERIMENT_NAME"):
            patch.delenv(name, raising=False)
        patch.setenv("COLUMNS", "140")
        patch.chdir(folder)
        patch.setattr(models, "load", tiny.load)
        tiny.make(folder)
        yield folder


@pytest.fixture
def checkout(store: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a registered model of this test alone, which params.yaml has."""
    name = f"faces-{request.node.name}"
    (store / "params.yaml").write_text(f"register: {{model_name: '{name}'}}\n")
    return name


def dlfd(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=answer)


def add(name: str, seed: int, nomus: float) -> None:
    registry.register(name, tiny.write_model("dlfd", seed), tiny.metrics(nomus))


def champion(name: str) -> int | None:
    return next((one.number for one in registry.versions(name) if "champion" in one.aliases), None)


def test_an_empty_registry(checkout: str) -> None:
    listed = dlfd("list")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert f"no registered model '{checkout}' yet: run `dvc repro`" in listed.stdout
    for command in ("promote", "rollback"):
        refused = dlfd(command, "--yes")
        assert refused.exit_code == 1
        assert "error: no registered model" in refused.stderr


def test_list_promote_rollback(checkout: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(checkout, 1, 0.7)
    add(checkout, 2, 0.8)
    monkeypatch.chdir(store / "workspace")  # from anywhere in the checkout
    first = dlfd("promote", "1", "--yes")
    assert first.exit_code == 0, first.output
    assert f"champion of {checkout}: none -> version 1" in first.stdout
    second = dlfd("promote", answer="y\n")  # the candidate
    assert "Make it the champion in place of version 1?" in second.stdout
    assert f"champion of {checkout}: version 1 -> version 2" in second.stdout
    assert "mlflow models serve" in second.stdout
    assert "is the champion already" in dlfd("promote").stdout
    lines = [line for line in dlfd("list").stdout.splitlines() if "dlfd" in line]
    assert "candidate, champion" in lines[0]
    assert "previous" in lines[1]
    assert "0.800" in lines[0]
    back = dlfd("rollback", answer="y\n")
    assert f"champion of {checkout}: version 2 -> version 1" in back.stdout
    again = dlfd("rollback", "--yes")
    assert (again.exit_code, champion(checkout)) == (1, 1)
    assert "nothing to roll" in again.stderr


def test_a_champion_puts_requests_into_service_and_a_rollback_warns(
    checkout: str, store: Path, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: [(store / path).unlink() for path in (layout.REQUESTS, layout.PROGRESS)])
    add(checkout, 11, 0.7)
    add(checkout, 12, 0.8)
    name, person = "20261121-000001", "abcdef-0000000000000001"
    received = ledger.Event(name, ledger.RECEIVED, person, "2030-01-01", time=ledger.now())
    unlearned = ledger.Event(name, ledger.UNLEARNED, person, model=f"{checkout}/2", time=ledger.now())
    ledger.append(store / layout.REQUESTS, lambda known: [received])
    ledger.append(store / layout.PROGRESS, lambda known: [unlearned])
    first = dlfd("promote", "1", "--yes")
    assert f"warning: {checkout}/1 may still know who asked: 1 open request(s)" in first.stderr
    assert requests.read()[0].state == "unlearned"
    second = dlfd("promote", "2", "--yes")
    assert "warning" not in second.stderr
    assert "1 open request(s) are forgotten in service" in second.stdout
    assert (requests.read()[0].state, requests.read()[0].model) == ("in service", f"{checkout}/2")
    back = dlfd("rollback", "--yes")
    assert "may still know who asked" in back.stderr
    assert requests.read()[0].state == "unlearned"


def test_no_is_no(checkout: str) -> None:
    add(checkout, 3, 0.7)
    assert dlfd("promote", answer="n\n").exit_code == 1
    assert champion(checkout) is None


def test_refusals(checkout: str) -> None:
    add(checkout, 4, 0.7)
    unknown = dlfd("promote", "7", "--yes")
    assert (unknown.exit_code, champion(checkout)) == (1, None)
    assert "no version 7" in unknown.stderr
    tracking_store.connect().client.set_model_version_tag(checkout, "1", "accepted", "false")
    refused = dlfd("promote", "--yes")
    assert (refused.exit_code, champion(checkout)) == (1, None)
    assert "did not pass the acceptance gate" in refused.stderr


def test_without_a_candidate_a_version_must_be_named(checkout: str) -> None:
    add(checkout, 5, 0.7)
    tracking_store.connect().client.delete_registered_model_alias(checkout, "candidate")
    refused = dlfd("promote", "--yes")
    assert refused.exit_code == 1
    assert "has no candidate: name a version" in refused.stderr


def test_with_tracking_off_it_says_so(checkout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLFD_TRACKING", "off")
    assert "unset it" in dlfd("list").stderr
