"""The acceptance gate: the best that passes, by validation figures alone, with a reason for every refusal."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.registry.gate import decide
from pipeline.settings import RegisterSettings

SETTINGS = RegisterSettings(min_nomus=0.6, max_forgetting_score=0.15, max_accuracy_drop=0.1)
ORIGINAL = {"validation_accuracy": 0.8}


def metrics(
    accuracy: float = 0.8, forgetting: float = 0.1, nomus: float = 0.7, status: str = "finished"
) -> dict[str, Any]:
    return {
        "validation_verdict": "forgotten",
        "validation_auc": 0.52,
        "validation_persons": 200.0,
        "validation_persons_detected": 9.0,
        "validation_persons_over_forgotten": 0.0,
        "validation_person_nomus": 0.5,
        "validation_accuracy": accuracy,
        "validation_forgetting_score": forgetting,
        "validation_nomus": nomus,
        "status": status,
    }


def test_the_best_of_those_that_pass_is_accepted() -> None:
    methods = {
        "scrub": metrics(nomus=0.71),
        "dlfd": metrics(nomus=0.75),
        "neggrad": metrics(nomus=0.9, accuracy=0.3),  # the best NoMUS, refused
    }
    decision = decide(ORIGINAL, methods, SETTINGS)
    assert decision.accepted == "dlfd"
    assert (decision.reasons["dlfd"], decision.reasons["scrub"]) == ([], [])
    assert decision.reasons["neggrad"] == [
        "validation accuracy fell by 0.5 (0.8 to 0.3), more than max_accuracy_drop 0.1"
    ]


def test_every_reason_is_given_in_words_with_figures() -> None:
    decision = decide(ORIGINAL, {"scrub": metrics(accuracy=0.6, forgetting=0.4, nomus=0.5)}, SETTINGS)
    assert decision.accepted is None
    assert decision.reasons["scrub"] == [
        "validation NoMUS 0.5 is below min_nomus 0.6",
        "validation forgetting score 0.4 is above max_forgetting_score 0.15",
        "validation accuracy fell by 0.2 (0.8 to 0.6), more than max_accuracy_drop 0.1",
    ]


def test_many_forgotten_persons_beside_few_of_validation_cannot_be_judged() -> None:
    """Of 100 beside 15 somebody is above all of these in 87 of 100 perfect models."""
    perfect = few(persons=15)
    assert decide(ORIGINAL, {"dlfd": perfect | {"persons_audited": 19.0}}, SETTINGS).accepted == "dlfd"
    for forgotten, found in ((20, 0.0), (100, 0.0), (100, 3.0)):
        many = perfect | {"persons_audited": float(forgotten), "validation_persons_detected": found}
        decision = decide(ORIGINAL, {"dlfd": many}, SETTINGS)
        assert decision.reasons["dlfd"] == [
            f"validation has 15 person(s), fewer than 20: {forgotten} forgotten ones cannot be judged, "
            "raise split.validation_fraction"
        ]
        assert decision.basis == "nothing, as validation has too few persons (15) for so many forgotten ones"
    enough = metrics() | {"persons_audited": 100.0, "validation_persons": 20.0}
    assert decide(ORIGINAL, {"dlfd": enough}, SETTINGS).accepted == "dlfd"


@pytest.mark.parametrize("word", ["remembers", "over-forgotten"])
def test_what_the_calibrated_attack_tells_apart_is_refused_whatever_its_scores(word: str) -> None:
    """An original that memorised little passes all limits as it is."""
    unchanged = metrics(nomus=0.9, forgetting=0.02) | {"validation_verdict": word, "validation_auc": 0.58}
    decision = decide(ORIGINAL, {"ssd": unchanged, "dlfd": metrics()}, SETTINGS)
    assert decision.accepted == "dlfd"
    assert decision.reasons["ssd"] == [
        f"the verdict on validation is {word!r} (AUC 0.58 of the calibrated attack on validation)"
    ]


def test_equals_are_told_apart_by_name() -> None:
    for names in (["b", "a", "c"], ["c", "b", "a"]):
        assert decide(ORIGINAL, {name: metrics() for name in names}, SETTINGS).accepted == "a"


def test_a_diverged_method_is_never_accepted() -> None:
    decision = decide(ORIGINAL, {"neggrad": metrics(nomus=1.0, forgetting=0.0, status="diverged")}, SETTINGS)
    assert (decision.accepted, decision.reasons["neggrad"]) == (None, ["it diverged"])


@pytest.mark.parametrize(("status", "passes"), [("finished", True), ("stopped early", True), ("running", False)])
def test_the_other_statuses(status: str, passes: bool) -> None:
    assert (decide(ORIGINAL, {"dlfd": metrics(status=status)}, SETTINGS).accepted == "dlfd") is passes


def test_a_metric_without_status_is_refused() -> None:
    unknown = {key: value for key, value in metrics().items() if key != "status"}
    assert decide(ORIGINAL, {"dlfd": unknown}, SETTINGS).accepted is None


def test_the_limits_themselves_pass() -> None:
    assert decide(ORIGINAL, {"dlfd": metrics(0.7, 0.15, 0.6)}, SETTINGS).accepted == "dlfd"  # 0.8 - 0.7 > 0.1 in floats
    for beyond in (metrics(nomus=0.599), metrics(forgetting=0.151), metrics(accuracy=0.699)):
        assert len(decide(ORIGINAL, {"dlfd": beyond}, SETTINGS).reasons["dlfd"]) == 1


def test_a_gain_of_accuracy_is_no_drop() -> None:
    assert decide({"validation_accuracy": 0.5}, {"dlfd": metrics(accuracy=0.9)}, SETTINGS).accepted == "dlfd"


@pytest.mark.parametrize("key", ["accuracy", "forgetting", "nomus"])
def test_what_is_no_number_is_refused(key: str) -> None:
    broken: dict[str, Any] = {key: float("nan")}
    assert decide(ORIGINAL, {"dlfd": metrics(**broken)}, SETTINGS).accepted is None


def test_test_figures_have_no_say() -> None:
    """Only validation figures may choose; those of test and unseen persons would be fitted to."""
    misleading = {"test_accuracy": 0.0, "forgetting_score": 1.0, "nomus": 0.0, "unseen_accuracy": 0.0}
    flattering = {"test_accuracy": 1.0, "forgetting_score": 0.0, "nomus": 1.0, "unseen_accuracy": 1.0}
    methods = {"good": metrics(nomus=0.7) | misleading, "worse": metrics(nomus=0.65) | flattering}
    with_them = decide(ORIGINAL | {"test_accuracy": 1.0}, methods, SETTINGS)
    without = decide(ORIGINAL, {"good": metrics(nomus=0.7), "worse": metrics(nomus=0.65)}, SETTINGS)
    assert with_them == without
    assert with_them.accepted == "good"


def test_missing_figures_are_named_and_refuse() -> None:
    only_test_figures = {"status": "finished", "test_accuracy": 1.0, "nomus": 1.0, "forgetting_score": 0.0}
    decision = decide(ORIGINAL, {"dlfd": only_test_figures}, SETTINGS)
    assert decision.accepted is None
    assert "validation_nomus" in decision.reasons["dlfd"][0]


def test_no_method_at_all() -> None:
    assert decide(ORIGINAL, {}, SETTINGS).accepted is None


def few(
    detected: int = 0, over: int = 0, accuracy: float = 0.8, merit: float = 0.7, persons: int = 1
) -> dict[str, Any]:
    """Metrics where one person is forgotten: the scores of the attack are no numbers."""
    return metrics(accuracy, float("nan"), float("nan")) | {
        "validation_persons": float(persons),
        "validation_persons_detected": float(detected),
        "validation_persons_over_forgotten": float(over),
        "validation_person_nomus": merit,
    }


def test_few_persons_are_judged_by_their_places_and_the_report_says_so() -> None:
    methods = {
        "dlfd": few(merit=0.7),
        "finetune": few(merit=0.75),
        "neggrad": few(over=1, merit=0.9),
        "scrub": few(detected=1, merit=0.9),
        "ssd": few(accuracy=0.6, merit=0.9),
    }
    decision = decide(ORIGINAL, methods, SETTINGS)
    assert decision.accepted == "finetune"
    assert decision.basis == "places of 1 forgotten person(s) among those of validation: too few for NoMUS (20)"
    assert decision.reasons == {
        "dlfd": [],
        "finetune": [],
        "neggrad": ["1 of 1 forgotten person(s) stand out from those of validation as over-forgotten"],
        "scrub": ["1 of 1 forgotten person(s) stand out from those of validation as remembered"],
        "ssd": ["validation accuracy fell by 0.2 (0.8 to 0.6), more than max_accuracy_drop 0.1"],
    }


def test_from_twenty_persons_on_the_scores_decide() -> None:
    many = few(detected=3, persons=20)
    assert "NoMUS" in str(decide(ORIGINAL, {"dlfd": many}, SETTINGS).reasons), "NaN refuses"
    good = metrics() | {"validation_persons": 20.0, "validation_persons_detected": 3.0}
    decision = decide(ORIGINAL, {"dlfd": good}, SETTINGS)
    assert (decision.accepted, decision.basis) == ("dlfd", "NoMUS and forgetting score on validation")
    noisy = metrics(forgetting=0.5, nomus=0.1) | {"validation_persons": 19.0, "validation_persons_detected": 0.0}
    assert decide(ORIGINAL, {"dlfd": noisy}, SETTINGS).accepted == "dlfd", "a limit on noise would mean nothing"


@pytest.mark.parametrize("key", ["detected", "over_forgotten"])
def test_what_is_no_number_is_refused_of_few_persons_too(key: str) -> None:
    broken = few() | {f"validation_persons_{key}": float("nan")}
    assert decide(ORIGINAL, {"dlfd": broken}, SETTINGS).accepted is None


EARLIER = {
    "validation_forgotten_persons": 40.0,
    "validation_forgotten_persons_detected": 1.0,
    "validation_forgotten_verdict": "forgotten",
    "validation_forgotten_auc": 0.51,
}


def test_who_was_forgotten_in_an_earlier_round_must_not_come_back() -> None:
    back = EARLIER | {"validation_forgotten_verdict": "remembers", "validation_forgotten_auc": 0.7}
    methods = {"dlfd": metrics(nomus=0.9) | back, "scrub": metrics() | EARLIER}
    decision = decide(ORIGINAL | EARLIER, methods, SETTINGS)
    assert decision.accepted == "scrub"
    assert decision.reasons["dlfd"] == [
        "it brings back persons of earlier rounds: it remembers them (AUC 0.7 of the calibrated attack on validation)"
    ]


@pytest.mark.parametrize("persons", [3, 40], ids=["of few", "beside few of validation"])
@pytest.mark.parametrize(("before", "found", "passes"), [(0.0, 1.0, False), (1.0, 1.0, True), (1.0, 0.0, True)])
def test_where_no_verdict_can_be_told_no_more_earlier_persons_may_stand_out_than_before(
    before: float, found: float, passes: bool, persons: int
) -> None:
    few = EARLIER | {"validation_forgotten_persons": float(persons), "validation_forgotten_verdict": "too few persons"}
    was, now = (few | {"validation_forgotten_persons_detected": count} for count in (before, found))
    decision = decide(ORIGINAL | was, {"dlfd": metrics() | now}, SETTINGS)
    stand_out = f"1 of {persons} stand out from those of validation, {before:.0f} before"
    told = f"it brings back persons of earlier rounds: {stand_out}"
    assert decision.reasons["dlfd"] == ([] if passes else [told])


@pytest.mark.parametrize(("oracle", "passes"), [(0.7, True), (0.86, False)])
def test_accuracy_must_not_erode_from_round_to_round(oracle: float, passes: bool) -> None:
    in_service = {"validation_accuracy": 0.8, "oracle_validation_accuracy": oracle}
    decision = decide(in_service, {"dlfd": metrics(accuracy=0.75)}, SETTINGS)
    fell = "validation accuracy fell by 0.11 (0.86 to 0.75), more than max_accuracy_drop 0.1"
    assert decision.reasons["dlfd"] == ([] if passes else [fell])
