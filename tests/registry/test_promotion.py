"""Who may go into service and back, on a real registry in SQLite."""

from __future__ import annotations

import json

import pytest
import registry_checkout as tiny
from promotions import (
    GATE,
    LATER,
    PAST,
    aliases,
    artifacts,
    ask,
    certify,
    champion,
    promote,
    refusal,
    rollback,
    states,
    withdraw,
)
from registry_checkout import train

from pipeline import config, layout, pseudonyms
from pipeline.certificates import files
from pipeline.erasure import ledger, requests
from pipeline.errors import RegistryError
from pipeline.registry import evidence, gate, promotion, service_record, versions
from pipeline.settings import RegisterSettings
from pipeline.tracking import tracking_store


def test_a_version_tells_what_it_has_forgotten_and_where_it_is_from(name: str) -> None:
    first, second, _ = ask("A"), ask("B"), ask("C")
    train(name, "AB")
    (version,) = versions.every(name)
    assert version.tags["requests_forgotten"] == f"{first}, {second}"
    assert (version.tags["verdict"], version.tags["parent_version"]) == ("forgotten", "original")
    found = evidence.read(version, tracking_store.connect())
    assert found.persons == {pseudonyms.load().key(one) for one in "AB"}
    assert found.requests[first]["rank"] == 0.4
    assert found.told["audits"]["oracle"]["calibrated"]["auc_low"] == 0.4
    assert found.told["gate"]["accepted"] == "dlfd"
    assert found.told["parent_weights_sha256"] == tiny.sha256("0")
    assert set(found.told["files"]) == {"model.pt2"}
    assert "letter" not in json.dumps(found.told), "a reason is free text, in which a name may stand"


def test_a_version_that_started_from_a_registered_one_names_it(name: str) -> None:
    train(name, "A")
    original = layout.MODELS / "original" / "model.safetensors"
    original.write_text((layout.MODELS / "dlfd" / "model.safetensors").read_text())
    try:
        train(name, "AB")
    finally:
        original.write_text("0")
    assert [version.tags["parent_version"] for version in versions.every(name)] == ["1", "original"]


def test_registered_again_it_keeps_what_it_had_forgotten_and_the_hash_of_its_files(name: str) -> None:
    first = ask("A")
    train(name, "A")
    before = versions.every(name)[0].tags
    (artifacts(name, 1) / "model.pt2").write_text("other weights")
    withdraw(first)
    evidence.attach(name, 1, evidence.gather("dlfd", config.Params(), gate.Decision("dlfd", {"dlfd": []}, "NoMUS")))
    after = versions.every(name)[0].tags
    assert after["evidence_sha256"] != before["evidence_sha256"]
    assert after["requests_forgotten"] == first
    assert after["artifact_sha256"] == before["artifact_sha256"]
    assert "model.pt2 has changed" in refusal(name, 1)


def test_promotion_enters_everything(name: str) -> None:
    request = ask("A")
    train(name, "A")
    train(name, "A", nomus=0.8)
    done = promote(name, 1)
    assert (done.change, aliases(name)) == (versions.Change(None, 1), {"champion": 1, "candidate": 2})
    assert states() == {request: "in service"}
    promote(name)
    assert aliases(name) == {"champion": 2, "candidate": 2, "previous": 1}
    told = [(one.action, one.before, one.after, one.forced, one.finished) for one in service_record.read(name)]
    assert told == [("promote", None, 1, "", True), ("promote", 1, 2, "", True)]
    for number in (1, 2):
        assert all(path.exists() for path in files.paths(name, number))
    promote(name)  # it is in service
    assert len(service_record.read(name)) == 2


def test_tags_of_others_are_passed_over(name: str) -> None:
    train(name, "A")
    client = tracking_store.connect().client
    for key, value in (("service.owner", "team faces"), ("service.level", "3"), ("service.000001x", "{}")):
        client.set_registered_model_tag(name, key, value)
    promote(name)
    assert [(one.action, one.after) for one in service_record.read(name)] == [("promote", 1)]


def test_what_fails_the_gate_is_refused(name: str) -> None:
    train(name, "A", nomus=0.65)
    assert "NoMUS 0.65 is below min_nomus 0.66" in refusal(name, settings=RegisterSettings(min_nomus=0.66))
    tracking_store.connect().client.set_model_version_tag(name, "1", "accepted", "false")
    assert "did not pass the acceptance gate" in refusal(name, settings=RegisterSettings(min_nomus=0.66))
    tracking_store.connect().client.set_model_version_tag(name, "1", "accepted", "true")
    promote(name)


def test_what_forgets_less_than_the_champion_is_refused_until_the_request_is_withdrawn(name: str) -> None:
    ask("A")
    second = ask("B")
    train(name, "AB")
    train(name, "A", nomus=0.9)
    promote(name, 1)
    told = refusal(name, 2)
    assert f"may still know 1 person(s) to be forgotten: request(s) {second}" in told
    withdraw(second)
    assert promote(name, 2).change == versions.Change(1, 2)


def test_a_request_that_the_champion_does_not_honour_either_keeps_nobody_out(name: str) -> None:
    train(name, "", nomus=0.7)
    promote(name)
    ask("A", PAST)
    train(name, "", nomus=0.8)
    promote(name, 2)
    assert states() == {f"20261121-{ord('A'):06x}": "received"}


@pytest.mark.parametrize("change", ["changed", "missing", "new", "gone"])
def test_other_files_than_were_registered_are_refused(name: str, change: str) -> None:
    train(name, "A")
    folder = artifacts(name, 1)
    (folder / "README.md").write_text("for people: nothing loads it")
    (folder / "code" / "__pycache__").mkdir(parents=True)
    (folder / "code" / "__pycache__" / "x.pyc").write_text("Python's own, of a server that loaded it in place")
    promotion.plan_promotion(name, 1, GATE)
    path = folder / "model.pt2"
    if change == "changed":
        path.write_text("weights of somebody else")
    elif change == "missing":
        path.unlink()
    elif change == "new":
        (folder / "code.py").write_text("import os")
    else:
        tracking_store.connect().client.delete_logged_model(versions.every(name)[0].source.removeprefix("models:/"))
    expected = {
        "changed": "not those that were registered: model.pt2 has changed",
        "missing": "model.pt2 is missing",
        "new": "code.py is new",
        "gone": "MLflow no longer has its files",
    }
    assert expected[change] in refusal(name)


def test_evidence_that_was_touched_counts_for_nothing(name: str) -> None:
    train(name, "A")
    (document,) = (artifacts(name, 1) / "evidence").iterdir()
    document.write_text(document.read_text().replace("0.52", "0.50"))
    assert "the evidence stored with it is not what its tag" in refusal(name)


def test_a_version_of_an_earlier_release_needs_force_and_a_reason_which_is_kept(name: str) -> None:
    versions.register(name, tiny.write_model("dlfd", next(tiny.WEIGHTS)), tiny.metrics())
    assert "no evidence is stored with it" in refusal(name)
    assert "--force needs a reason" in refusal(name, force=" ")
    for reason in ("two\nlines", "a \x9b terminal's", "long" * 126):
        assert refusal(name, force=reason).startswith("--force: the reason has ")
    assert promote(name, force="the old one crashes").change.after == 1
    (entry,) = service_record.read(name)
    assert entry.forced == "the old one crashes"
    assert "no evidence is stored" in entry.overruled[0]
    told = json.loads(files.paths(name, 1)[0].read_text())["certificate"]
    assert told["service"]["forced"] == "the old one crashes"
    assert told["evidence"] is None
    page = files.paths(name, 1)[1].read_text()
    assert "Put into service by force" in page
    assert "No evidence is stored with this version" in page


def test_force_is_no_force_where_nothing_speaks_against_it(name: str) -> None:
    train(name, "A")
    promote(name, force="to be sure")
    assert (service_record.read(name)[0].forced, service_record.read(name)[0].overruled) == ("", [])


def test_a_rollback_goes_to_the_newest_earlier_version_that_has_forgotten_everything_due(name: str) -> None:
    train(name, "")
    request = ask("A")
    train(name, "A", nomus=0.75)
    train(name, "A", nomus=0.8)
    train(name, "", nomus=0.9)  # somebody withdrew, or a hand registered it: it knows A
    train(name, "A", nomus=0.85)
    for number in (1, 2, 5):
        promote(name, number)
    plan = promotion.plan_rollback(name)
    assert plan.version.number == 3
    assert request in " ".join(plan.skipped[4])
    assert rollback(name).change == versions.Change(5, 3)
    assert rollback(name).change == versions.Change(3, 2)
    assert states() == {request: "in service"}
    with pytest.raises(RegistryError, match=rf"version 2 .* stays in service.*\n.*version 1: .*{request}"):
        rollback(name)
    withdraw(request)
    assert rollback(name).change == versions.Change(2, 1)
    with pytest.raises(RegistryError, match="it is the first"):
        rollback(name)


def test_a_rollback_passes_over_what_was_changed_or_not_accepted(name: str) -> None:
    for nomus in (0.6, 0.7, 0.8, 0.9):
        train(name, "A", nomus=nomus)
    promote(name, 4)
    (artifacts(name, 3) / "model.pt2").write_text("weights of somebody else")
    tracking_store.connect().client.set_model_version_tag(name, "2", "accepted", "false")
    plan = promotion.plan_rollback(name)
    assert (plan.version.number, set(plan.skipped)) == (1, {2, 3})


@pytest.mark.parametrize(("due", "goes"), [(LATER, True), (PAST, False)])
def test_a_request_that_the_champion_does_not_honour_either_bars_a_rollback_once_it_is_due(
    name: str, due: str, goes: bool
) -> None:
    train(name, "")
    train(name, "", nomus=0.8)
    promote(name, 2)
    ask("A", due)
    if goes:
        assert rollback(name).change == versions.Change(2, 1)
    else:
        with pytest.raises(RegistryError, match="version 1: it may still know 1 person"):
            rollback(name)


def test_whom_a_model_in_service_once_forgot_no_rollback_brings_back(name: str) -> None:
    """Though the present champion, put there by force, knows them."""
    request = ask("A")
    train(name, "", nomus=0.6)
    train(name, "A", nomus=0.7)
    promote(name, 2)
    train(name, "", nomus=0.8)
    promote(name, 3, force="the other one crashes")
    assert states() == {request: "verified"}
    plan = promotion.plan_rollback(name)
    assert plan.version.number == 2
    promotion.carry_out(plan, certify)
    assert states() == {request: "in service"}


def test_an_erased_person_must_stay_forgotten(name: str) -> None:
    request = ask("A")
    train(name, "A")
    promote(name)
    erased = ledger.Event(request, ledger.ERASED, pseudonyms.load().key("A"), time=ledger.now())
    ledger.append(layout.REQUESTS, lambda known: [erased])
    train(name, "", "BC", nomus=0.8)  # their pictures are gone
    train(name, "", "ABC", nomus=0.9)  # from a data set of before
    assert versions.every(name)[1].tags["requests_forgotten"] == request
    assert request in refusal(name, 3)
    promote(name, 2)


def test_lines_of_another_registry_make_no_version_forget(name: str) -> None:
    """Merged ledgers: the version of that number over there has forgotten B, the one here has not."""
    first, second = ask("A"), ask("B")
    train(name, "A")
    foreign = ledger.Event(second, ledger.UNLEARNED, pseudonyms.load().key("B"), model=f"{name}/1", time=ledger.now())
    ledger.append(layout.PROGRESS, lambda known: [foreign])
    done = promote(name)
    assert [one.id for one in done.service.known] == [second]
    assert states() == {first: "in service", second: "unlearned"}
    told = json.loads(files.paths(name, 1)[0].read_text(encoding="utf-8"))["certificate"]
    assert [one["request"] for one in told["requests"]] == [first]
    known, asked = versions.every(name), {one.id: one for one in requests.read()}
    assert evidence.forgetful(name, known, [asked[first]]) == {f"{name}/1"}
    assert evidence.forgetful(name, known, list(asked.values())) == set()


def test_a_version_of_before_an_erasure_elsewhere_may_know_the_person(name: str) -> None:
    """The ledger came from another checkout, where A was forgotten and erased; here nothing has forgotten A."""
    request = ask("A")
    train(name, "B")
    assert evidence.knows_erased(versions.every(name)[0]) == []
    erased = ledger.Event(request, ledger.ERASED, pseudonyms.load().key("A"), time=ledger.now())
    ledger.append(layout.REQUESTS, lambda known: [erased])
    assert evidence.knows_erased(versions.every(name)[0]) == [request]
    train(name, "", "BC")  # from a store that was built without them
    assert evidence.knows_erased(versions.every(name)[0]) == []


@pytest.mark.parametrize("lost", ["document", "tag"])
def test_a_version_without_evidence_is_not_among_those_that_erasing_keeps(name: str, lost: str) -> None:
    """The ledger alone would keep it, and the ledger may speak of another registry's version of that number."""
    ask("A")
    train(name, "A")
    train(name, "A", nomus=0.8)
    (asked,) = requests.read()
    assert evidence.forgetful(name, versions.every(name), [asked]) == {f"{name}/1", f"{name}/2"}
    if lost == "tag":
        tracking_store.connect().client.delete_model_version_tag(name, "1", evidence.SHA)
    else:
        for document in (artifacts(name, 1) / "evidence").iterdir():
            document.unlink()
    assert f"{name}/1" in asked.unlearned_by()
    assert evidence.forgetful(name, versions.every(name), [asked]) == {f"{name}/2"}


def test_there_must_be_a_champion_to_roll_back_from(name: str) -> None:
    with pytest.raises(RegistryError, match="no registered model"):
        promotion.plan_rollback(name)
    train(name, "A")
    with pytest.raises(RegistryError, match="there is no champion"):
        promotion.plan_rollback(name)
    with pytest.raises(RegistryError, match="no version 7"):
        promotion.plan_promotion(name, 7, GATE)


def test_another_champion_since_the_plan_was_made_is_told(name: str) -> None:
    train(name, "A")
    train(name, "A", nomus=0.8)
    plan = promotion.plan_promotion(name, 2, GATE)
    promote(name, 1)
    with pytest.raises(RegistryError, match="another champion, version 1"):
        promotion.carry_out(plan, certify)
    assert champion(name) == 1
