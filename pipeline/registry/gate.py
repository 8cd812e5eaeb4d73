"""The acceptance gate: which unlearned model may go into service.

It reads figures of the validation subset alone. The test and unseen subsets judge the choice afterwards; a choice made
on them would flatter itself.

Limits on NoMUS, its forgetting score and accuracy alone would let a model pass that left its original as it was,
wherever that memorised little: so none passes whose verdict by the calibrated attack, forget beside validation, is
`remembers` or `over-forgotten`.

Where fewer than FEWEST persons are forgotten, the attack's accuracy is noise or no number, and a limit on it would
refuse a model that forgot perfectly as often as not. Then accuracy has its limit all the same, and nobody who was
forgotten may stand out at either end from 99 % of the persons of validation (`pipeline.evaluation.selection`); of those
that pass the one with the greatest NoMUS by persons is taken. This rule refuses a perfect model too: by chance, .13 to
.37 of the time with 5 forgotten persons, .41 to .74 with 19 (docs/erasure.md). It is kept since a refusal in vain costs
another seed or a retraining, and the other error leaves a person in service who can be told. Where 20 or more are
forgotten and validation has fewer persons than that, neither rule can judge, so every model is refused and told why.

Nobody who was forgotten in an earlier round may come back: the verdict on them must not be `remembers`, and where
they, or the persons of validation, are too few for a verdict, no more of them may stand out than do with the model that
the round starts from. There the fall of accuracy counts from the oracle where that is better than the model in service:
small falls must not add up from round to round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.evaluation import verdict
from pipeline.evaluation.verdict import FEWEST
from pipeline.settings import RegisterSettings

ACCURACY, FORGETTING, NOMUS = "validation_accuracy", "validation_forgetting_score", "validation_nomus"
PERSONS, PERSON_NOMUS = "validation_persons", "validation_person_nomus"
FORGOTTEN = "persons_audited"  # how many are forgotten; PERSONS has those of validation where they are fewer
DETECTED, OVER_FORGOTTEN = "validation_persons_detected", "validation_persons_over_forgotten"
VERDICT, AUC = "validation_verdict", "validation_auc"
NUMBERS = (ACCURACY, FORGETTING, NOMUS, AUC, PERSONS, DETECTED, OVER_FORGOTTEN, PERSON_NOMUS)
FIGURES = (*NUMBERS, VERDICT)
ORACLE_ACCURACY = "oracle_validation_accuracy"  # of original.json, where the original is the model in service
EARLIER_PERSONS, EARLIER_DETECTED = "validation_forgotten_persons", "validation_forgotten_persons_detected"
EARLIER_VERDICT, EARLIER_AUC = "validation_forgotten_verdict", "validation_forgotten_auc"
# What reads the oracle, of a model that is judged without one: nothing against it.
NEUTRAL = {VERDICT: verdict.FORGOTTEN, AUC: 0.5, PERSONS: FEWEST, DETECTED: 0, OVER_FORGOTTEN: 0, PERSON_NOMUS: 0.0}
ROUNDING = 1e-9  # 0.8 - 0.7 is not more than 0.1


@dataclass(frozen=True)
class Decision:
    """What the gate says.

    Attributes:
        accepted: the method with the greatest `merit` of those that pass (the first by name of equals); None when none
            passes.
        reasons: why each method is refused; empty for one that passes.
        basis: what decided, in words.
    """

    accepted: str | None
    reasons: dict[str, list[str]]
    basis: str


def decide(
    original: Mapping[str, Any], methods: Mapping[str, Mapping[str, Any]], settings: RegisterSettings
) -> Decision:
    """Judge every method and choose the best that passes.

    Args:
        original: metrics of the original model, as metrics/original.json has them.
        methods: method -> its metrics, with its `status`.
    """
    reasons = {name: _reasons(original, metrics, settings) for name, metrics in methods.items()}
    passing = sorted(name for name, problems in reasons.items() if not problems)
    fewest = min((metrics.get(PERSONS, FEWEST) for metrics in methods.values()), default=FEWEST)
    basis = "NoMUS and forgetting score on validation"
    if fewest < FEWEST:
        basis = f"places of {fewest:.0f} forgotten person(s) among those of validation: too few for NoMUS ({FEWEST})"
    if any(_too_few_held_out(metrics) for metrics in methods.values()):
        basis = f"nothing, as validation has too few persons ({fewest:.0f}) for so many forgotten ones"
    return Decision(max(passing, key=lambda name: merit(methods[name]), default=None), reasons, basis)


def merit(figures: Mapping[str, Any]) -> float:
    """What models for the same data and split are compared by: NoMUS, or NoMUS by persons where they are few."""
    return float(figures[PERSON_NOMUS if few(figures) else NOMUS])


def few(figures: Mapping[str, Any]) -> bool:
    """Whether fewer than FEWEST persons are forgotten (or in validation)."""
    return float(figures.get(PERSONS, FEWEST)) < FEWEST  # versions of before were never of few


def _too_few_held_out(figures: Mapping[str, Any]) -> bool:
    return few(figures) and figures.get(FORGOTTEN, 0) >= FEWEST  # neither rule can judge


def _reasons(original: Mapping[str, Any], metrics: Mapping[str, Any], settings: RegisterSettings) -> list[str]:
    """Every comparison is written so that a figure which is no number (NaN) refuses."""
    missing = [key for key in FIGURES if key not in metrics] + [ACCURACY] * (ACCURACY not in original)
    if missing:
        return [f"its metrics lack {', '.join(missing)}: run `dvc repro` to evaluate it anew"]
    reasons = []
    if (status := metrics.get("status")) == "diverged":
        reasons.append("it diverged")
    elif status not in ("finished", "stopped early"):
        reasons.append(f"its status is {status!r}, neither 'finished' nor 'stopped early'")
    if _too_few_held_out(metrics):
        held_out = f"validation has {metrics[PERSONS]:.0f} person(s), fewer than {FEWEST}"
        many = f"{metrics[FORGOTTEN]:.0f} forgotten ones cannot be judged, raise split.validation_fraction"
        reasons.append(f"{held_out}: {many}")
    else:
        reasons += _by_persons(metrics) if few(metrics) else _by_scores(metrics, settings)
    reasons += _of_earlier_rounds(original, metrics)
    before = max(original[ACCURACY], original.get(ORACLE_ACCURACY, 0.0))
    drop = before - metrics[ACCURACY]
    if not drop <= settings.max_accuracy_drop + ROUNDING:
        fall = f"{before:.4g} to {metrics[ACCURACY]:.4g}"
        limit = f"max_accuracy_drop {settings.max_accuracy_drop:g}"
        reasons.append(f"validation accuracy fell by {drop:.4g} ({fall}), more than {limit}")
    return reasons


def _of_earlier_rounds(original: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    if EARLIER_PERSONS not in metrics:
        return []
    reasons = []
    if metrics[EARLIER_VERDICT] == verdict.REMEMBERS:
        reasons.append(f"it brings back persons of earlier rounds: it remembers them ({_told(metrics[EARLIER_AUC])})")
    found, before = metrics[EARLIER_DETECTED], original.get(EARLIER_DETECTED, 0)
    if metrics[EARLIER_VERDICT] == verdict.TOO_FEW and not found <= before:
        who = f"{found:.0f} of {metrics[EARLIER_PERSONS]:.0f} stand out from those of validation, {before:.0f} before"
        reasons.append(f"it brings back persons of earlier rounds: {who}")
    return reasons


def _by_scores(metrics: Mapping[str, Any], settings: RegisterSettings) -> list[str]:
    reasons = []
    if not metrics[NOMUS] >= settings.min_nomus - ROUNDING:
        reasons.append(f"validation NoMUS {metrics[NOMUS]:.4g} is below min_nomus {settings.min_nomus:g}")
    if not metrics[FORGETTING] <= settings.max_forgetting_score + ROUNDING:
        limit = f"max_forgetting_score {settings.max_forgetting_score:g}"
        reasons.append(f"validation forgetting score {metrics[FORGETTING]:.4g} is above {limit}")
    if metrics[VERDICT] in (verdict.REMEMBERS, verdict.OVER_FORGOTTEN):
        reasons.append(f"the verdict on validation is {metrics[VERDICT]!r} ({_told(metrics[AUC])})")
    return reasons


def _told(auc: float) -> str:
    return f"AUC {auc:.3g} of the calibrated attack on validation"


def _by_persons(metrics: Mapping[str, Any]) -> list[str]:
    reasons = []
    for key, told in ((DETECTED, "remembered"), (OVER_FORGOTTEN, "over-forgotten")):
        if not metrics[key] <= 0:
            who = f"{metrics[key]:.0f} of {metrics[PERSONS]:.0f} forgotten person(s)"
            reasons.append(f"{who} stand out from those of validation as {told}")
    return reasons
