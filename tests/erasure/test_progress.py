"""What the pipeline enters: whom a version has unlearned, what the audit says of it, and what is in service."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tiny_data import make_faces

from pipeline import layout, pseudonyms
from pipeline.erasure import intake, ledger, progress, requests
from pipeline.erasure.intake import Ask
from pipeline.errors import SaltError
from pipeline.evaluation import verdict

pytestmark = pytest.mark.usefixtures("checkout")
GOOD = {"verdict": "too few persons"}
SUBSETS = {"p0": "forget", "p1": "retain", "p2": "forget", "p3": "excluded", "p4": "forget"}


def ask(*persons: str) -> dict[str, str]:
    """Open requests: person -> id."""
    faces = make_faces([f"p{number}" for number in range(5)], [str(number) for number in range(5)], [0] * 5)
    made = intake.add([Ask(person) for person in persons], faces).requests
    return {person: request.id for person, request in zip(persons, made, strict=True)}


def splits() -> pd.DataFrame:
    """p4 is of one unit with p2."""
    unit = {"p4": "p2"}
    rows = [(person, unit.get(person, person), subset) for person, subset in SUBSETS.items() for _ in range(2)]
    table = pd.DataFrame(rows, columns=["person", "unit", "subset"])
    table.loc[[1, 3], "subset"] = "excluded"  # duplicate pictures of p0 and p1
    return table


def ranked(**detected: bool) -> pd.DataFrame:
    key = pseudonyms.load().key
    rows = [(key(unit), 0.4, detected.get(unit, False)) for unit in ("p0", "p2")]
    return pd.DataFrame(rows, columns=["person", "rank", "detected"])


def registered(version: int = 1, audit: dict[str, str] = GOOD, **detected: bool) -> dict[str, str]:
    return progress.registered(f"faces/{version}", splits(), audit, ranked(**detected))


def states() -> dict[str, tuple[str, str]]:
    return {request.id: (request.state, request.model) for request in requests.read()}


def test_who_was_forgotten_is_unlearned_and_verified_and_who_was_not_is_not() -> None:
    ids = ask("p0", "p1", "p3", "p4")
    told = registered()
    assert set(told) == {ids["p0"], ids["p3"], ids["p4"]}
    assert told[ids["p0"]] == "verified: verdict too few persons; rank 0.4 among never-seen persons"
    assert told[ids["p3"]] == "verified: verdict too few persons; no picture of theirs was learned"
    assert states() == {
        ids["p0"]: ("verified", "faces/1"),
        ids["p1"]: ("received", ""),
        ids["p3"]: ("verified", "faces/1"),
        ids["p4"]: ("verified", "faces/1"),
    }
    text = requests.progress_file().read_text()
    assert not any(person in text for person in SUBSETS)


@pytest.mark.parametrize("verdict", ["remembers", "over-forgotten"])
def test_a_verdict_against_the_model_verifies_nobody(verdict: str) -> None:
    ids = ask("p0", "p3")
    assert all("unlearned, not verified" in said for said in registered(audit={"verdict": verdict}).values())
    assert set(states().values()) == {("unlearned", "faces/1")}
    assert set(states()) == set(ids.values())


def test_every_verdict_verifies_or_refutes_by_decision() -> None:
    verifying = {verdict.FORGOTTEN, verdict.TOO_FEW}  # of too few the ranks decide
    assert {*progress.REFUTED} == {*verdict.WORDS} - verifying


def test_a_person_who_is_detected_is_not_verified_and_the_file_says_why() -> None:
    ids = ask("p0", "p2", "p4")
    registered(p2=True)
    assert {one: state for one, (state, _) in states().items()} == {
        ids["p0"]: "verified",
        ids["p2"]: "unlearned",
        ids["p4"]: "unlearned",
    }
    (event,) = (one for one in ledger.read(requests.progress_file()).events if one.request == ids["p2"])
    assert event.reason == "not verified: verdict too few persons; rank 0.4 among never-seen persons: detected"


def test_the_same_version_again_enters_nothing_new_and_a_better_one_does() -> None:
    ids = ask("p0")
    registered(1, p0=True)
    before = requests.progress_file().read_bytes()
    registered(1, p0=True)
    assert requests.progress_file().read_bytes() == before
    registered(2)
    assert states() == {ids["p0"]: ("verified", "faces/2")}


def test_what_a_later_audit_no_longer_finds_is_not_verified_any_more() -> None:
    ids = ask("p0", "p2")
    for _ in range(2):
        registered(1)
        assert states()[ids["p0"]] == ("verified", "faces/1")
        registered(1, p0=True)
        assert states()[ids["p0"]] == ("unlearned", "faces/1")
        assert states()[ids["p2"]] == ("verified", "faces/1"), "of whom the audit says what it said"
    before = requests.progress_file().read_bytes()
    registered(1, p0=True)
    assert requests.progress_file().read_bytes() == before


def test_without_open_requests_nothing_is_touched(checkout: Path) -> None:
    ids = ask("p0")
    intake.withdraw([ids["p0"]])
    assert registered() == {}
    assert progress.put_into_service("faces/1", None) == progress.Service([], [])
    assert not requests.progress_file().exists()


def test_what_a_version_does_not_know_of_itself_the_ledger_cannot_make_true() -> None:
    """Lines of another registry's version of that number, which came with a merge."""
    ids = ask("p0", "p2")
    registered(1, p0=True)
    registered(2)
    both = {one.id: one for one in requests.read()}
    assert progress.has_unlearned(both[ids["p2"]], "faces/2", None)
    service = progress.put_into_service("faces/2", {both[ids["p0"]].person})
    assert ([one.id for one in service.forgotten], [one.id for one in service.known]) == ([ids["p0"]], [ids["p2"]])
    assert states()[ids["p2"]][0] != "in service"


def test_service_follows_the_champion_forward_and_back() -> None:
    first = ask("p0")["p0"]
    registered(1)
    assert [one.id for one in progress.put_into_service("faces/1", None).forgotten] == [first]
    second = ask("p2")["p2"]
    registered(2)
    assert progress.service("faces/1", None).known[0].id == second
    progress.put_into_service("faces/2", None)
    assert states() == {first: ("in service", "faces/2"), second: ("in service", "faces/2")}
    back = progress.put_into_service("faces/1", None)
    assert ([one.id for one in back.forgotten], [one.id for one in back.known]) == ([first], [second])
    assert states() == {first: ("in service", "faces/1"), second: ("verified", "faces/2")}
    before = requests.progress_file().read_bytes()
    progress.put_into_service("faces/1", None)
    assert requests.progress_file().read_bytes() == before
    progress.put_into_service("faces/2", None)
    assert {state for state, _ in states().values()} == {"in service"}


def test_progress_goes_to_the_users_checkout_from_an_experiment_elsewhere(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("p0")
    decided = layout.REQUESTS.read_bytes()
    elsewhere = tmp_path_factory.mktemp("exp")
    (elsewhere / layout.REQUESTS).write_bytes(decided)
    monkeypatch.setenv("DVC_ROOT", str(checkout))
    monkeypatch.chdir(elsewhere)
    registered()
    assert (checkout / layout.PROGRESS).is_file()
    assert not (elsewhere / layout.PROGRESS).exists()
    assert layout.REQUESTS.read_bytes() == decided, "what the split depends on stays as it is"


def test_a_version_made_after_an_erasure_is_known_from_those_that_remember() -> None:
    ids = ask("p0", "p1")
    registered(1)
    ledger.append(
        layout.REQUESTS,
        lambda known: [
            ledger.Event(one.request, ledger.ERASED, one.person, time=ledger.now())
            for one in known
            if one.request == ids["p0"]
        ],
    )
    without = splits()[lambda table: table["person"] != "p0"]
    assert progress.registered("faces/2", without, GOOD, ranked()) == {}
    (erased,) = [one for one in requests.read() if one.id == ids["p0"]]
    assert erased.state == "data erased"
    assert erased.unlearned_by() == {"faces/1", "faces/2"}
    progress.registered("faces/3", splits(), GOOD, ranked())  # of data that have the person again
    assert "faces/3" not in next(one for one in requests.read() if one.id == ids["p0"]).unlearned_by()


def test_persons_of_earlier_rounds_are_entered_with_a_verdict_of_their_own() -> None:
    ids = ask("p0", "p2")
    table = splits()
    table["subset"] = table["subset"].mask(table["person"] == "p0", "forgotten")
    told = progress.registered("faces/2", table, GOOD | {"forgotten_verdict": "remembers"}, ranked())
    assert told[ids["p0"]].startswith("unlearned, not verified: verdict remembers")
    assert told[ids["p2"]].startswith("verified: verdict too few persons")


def test_ranks_under_keys_of_a_lost_salt_verify_nobody() -> None:
    """None of them would be found, as if no picture of anybody had been learned."""
    folder = layout.EVALUATION / "dlfd"
    folder.mkdir(parents=True)
    now, before = (folder / name for name in layout.PERSONS)
    ranked(p0=True).to_csv(now, index=False)
    ranked().iloc[:0].to_csv(before, index=False)
    assert progress.ranked("dlfd")["detected"].tolist() == [True, False]
    pseudonyms.salt_file().unlink()
    assert len(pseudonyms.load().id) == 6, "another one"
    with pytest.raises(SaltError, match=r"dvc repro --force --single-item evaluate@dlfd"):
        progress.ranked("dlfd")
