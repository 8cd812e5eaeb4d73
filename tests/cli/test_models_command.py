"""`dlfd models`: what a person sees and may do, on a real registry."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import registry_checkout as tiny
from click.testing import Result
from typer.testing import CliRunner

from pipeline import layout, pseudonyms
from pipeline.certificates import files, signing
from pipeline.erasure import ledger, requests
from pipeline.registry import versions
from pipeline.serving import served_model
from pipeline.tracking import tracking_store
from stages.cli.certificate import app as certificates
from stages.cli.models import app


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cli")
    with tiny.opened(folder) as patch:
        patch.setenv("COLUMNS", "140")
        patch.setattr(served_model, "log", tiny.log)
        for name in (signing.KEY, signing.KEY_FILE):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture
def checkout(store: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a registered model of this test alone, which params.yaml has."""
    name = f"faces-{request.node.name}"
    (store / "params.yaml").write_text(f"register: {{model_name: '{name}'}}\n")
    return name


def dlfd(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=answer)


def champion(name: str) -> int | None:
    return next((one.number for one in versions.every(name) if "champion" in one.aliases), None)


def test_an_empty_registry(checkout: str) -> None:
    listed = dlfd("list")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert f"no registered model '{checkout}' yet: run `dvc repro`" in listed.stdout
    for command in ("promote", "rollback"):
        refused = dlfd(command, "--yes")
        assert refused.exit_code == 1
        assert "error: no registered model" in refused.stderr


def test_list_promote_rollback(checkout: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.train(checkout, "", nomus=0.7)
    tiny.train(checkout, "", nomus=0.8)
    monkeypatch.chdir(store / "workspace")  # from anywhere in the checkout
    first = dlfd("promote", "1", "--yes")
    assert first.exit_code == 0, first.output
    assert f"champion of {checkout}: none -> version 1" in first.stdout
    second = dlfd("promote", answer="y\n")  # the candidate
    assert "validation NoMUS 0.800, verdict forgotten" in second.stdout
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
    assert "version 1 of" in again.stderr
    assert "stays in service: it is the first" in again.stderr
    told = dlfd("history").stdout.splitlines()
    assert [" ".join(line.split()[1:]) for line in told] == [
        "promote none -> version 1",
        "promote version 1 -> version 2",
        "rollback version 2 -> version 1",
    ]


def request_of(person: str) -> str:
    name = "20261121-000001"
    received = ledger.Event(name, ledger.RECEIVED, pseudonyms.load().key(person), "2999-01-01", time=ledger.now())
    ledger.append(layout.REQUESTS, lambda known: [received])
    return name


@pytest.fixture
def ledgers(store: Path) -> Iterator[None]:
    """Of this test alone."""
    yield
    for path in (layout.REQUESTS, layout.PROGRESS):
        (store / path).unlink(missing_ok=True)


@pytest.mark.usefixtures("ledgers")
def test_a_champion_puts_requests_into_service_and_no_rollback_brings_them_back(checkout: str) -> None:
    tiny.train(checkout, "", nomus=0.7)
    request = request_of("A")
    tiny.train(checkout, "A", nomus=0.8)
    first = dlfd("promote", "1", "--yes")
    assert f"warning: {checkout}/1 may still know who asked: 1 open request(s)" in first.stderr
    assert requests.read()[0].state == "verified"
    second = dlfd("promote", "2", "--yes")
    assert "may still know" not in second.stderr
    assert "1 open request(s) are forgotten in service" in second.stdout
    assert (requests.read()[0].state, requests.read()[0].model) == ("in service", f"{checkout}/2")
    for command in (("rollback",), ("promote", "1")):
        refused = dlfd(*command, "--yes")
        assert (refused.exit_code, champion(checkout)) == (1, 2)
        assert request in refused.stderr
    forced = dlfd("promote", "1", "--yes", "--force", "the other one crashes")
    assert (
        f"warning: against it, and overruled: it may still know 1 person(s) to be forgotten: request(s) {request}"
        in (forced.stderr)
    )
    assert (champion(checkout), requests.read()[0].state) == (1, "verified")
    told = dlfd("history").stdout
    assert "forced: the other one crashes" in told
    assert f"against it: it may still know 1 person(s) to be forgotten: request(s) {request}" in told


def test_certificates(checkout: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.train(checkout, "")
    made = CliRunner().invoke(certificates, ["key", str(tmp_path / "key.pem")])
    public = made.stdout.split("public key ")[1].split()[0]
    assert CliRunner().invoke(certificates, ["key", str(tmp_path / "key.pem")]).exit_code == 1
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "other")], check=True)
    (tmp_path / "other/key").write_bytes((tmp_path / "key.pem").read_bytes())
    refused = dlfd("promote", "--yes", "--key", str(tmp_path / "other/key"))
    assert (refused.exit_code, "the next `git add` would take it along" in refused.stderr) == (1, True)
    assert champion(checkout) is None
    unsigned = dlfd("promote", "--yes")
    assert "warning: the certificate is UNSIGNED" in unsigned.stderr
    page = store / files.paths(checkout, 1)[1]
    refused = CliRunner().invoke(certificates, ["verify", str(page), "--key", public])
    assert (refused.exit_code, "is UNSIGNED" in refused.stderr) == (1, True)
    monkeypatch.chdir(tmp_path)  # the key's path is where the user stands
    monkeypatch.setenv("DVC_ROOT", str(store))
    issued = CliRunner().invoke(certificates, ["issue", "1", "--key", "key.pem"])
    assert (issued.exit_code, issued.stderr) == (0, "")
    for path in (page, page.with_suffix(".json")):
        checked = CliRunner().invoke(certificates, ["verify", str(path), "--key", public])
        assert checked.exit_code == 0, checked.output
        assert f"{checkout}, version 1: 0 request(s)" in checked.stdout
    tiny.train(checkout, "")
    assert "version 2 of" in (never := CliRunner().invoke(certificates, ["issue", "2"])).stderr
    assert "was never put into service" in never.stderr


def test_without_a_history_it_says_so(checkout: str) -> None:
    tiny.train(checkout, "")
    assert "no version of" in dlfd("history").stdout


@pytest.mark.usefixtures("ledgers")
def test_a_request_that_comes_into_service_later_gets_into_the_certificate(checkout: str, store: Path) -> None:
    number = tiny.train(checkout, "A")
    dlfd("promote", "--yes")
    page = store / files.paths(checkout, number)[1]
    before = page.read_bytes()
    assert "certificate:" not in dlfd("promote").stdout
    assert page.read_bytes() == before, "nothing to say that it does not say"
    request = request_of("A")
    tiny.enter(checkout, number)
    assert "certificate:" in dlfd("promote").stdout
    assert request in page.read_text(encoding="utf-8")
    assert request in page.with_suffix(".json").read_text(encoding="utf-8")
    page.unlink()
    assert "certificate:" in dlfd("promote").stdout, "it was lost"


def test_a_key_that_cannot_be_used_stops_before_anything_has_changed(checkout: str, tmp_path: Path) -> None:
    tiny.train(checkout, "")
    refused = dlfd("promote", "--yes", "--key", str(tmp_path / "missing.pem"))
    assert (refused.exit_code, champion(checkout)) == (1, None)
    assert "missing.pem cannot be read" in refused.stderr


def test_no_is_no(checkout: str) -> None:
    tiny.train(checkout, "", nomus=0.7)
    assert dlfd("promote", answer="n\n").exit_code == 1
    assert champion(checkout) is None


def test_refusals(checkout: str) -> None:
    tiny.train(checkout, "", nomus=0.7)
    unknown = dlfd("promote", "7", "--yes")
    assert (unknown.exit_code, champion(checkout)) == (1, None)
    assert "no version 7" in unknown.stderr
    tracking_store.connect().client.set_model_version_tag(checkout, "1", "accepted", "false")
    refused = dlfd("promote", "--yes")
    assert (refused.exit_code, champion(checkout)) == (1, None)
    assert "did not pass the acceptance gate" in refused.stderr


def test_without_a_candidate_a_version_must_be_named(checkout: str) -> None:
    tiny.train(checkout, "", nomus=0.7)
    tracking_store.connect().client.delete_registered_model_alias(checkout, "candidate")
    refused = dlfd("promote", "--yes")
    assert refused.exit_code == 1
    assert "has no candidate: name a version" in refused.stderr


def test_with_tracking_off_it_says_so(checkout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLFD_TRACKING", "off")
    assert "unset it" in dlfd("list").stderr
