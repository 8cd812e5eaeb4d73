"""All audits of one model, from stored results alone: attacks, distance to the oracle, features, persons, verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation import inside, likelihood, oracle, persons, verdict
from pipeline.evaluation.membership import Attack, attack
from pipeline.evaluation.samples import Results
from pipeline.evaluation.signals import signals
from pipeline.settings import AuditSettings, EvaluateSettings

FEWEST_POPULATION = 100  # pictures of `test` from which RMIA takes it as its population


@dataclass(frozen=True)
class Yardstick:
    """Another model to compare with.

    Attributes:
        kind: oracle (never saw a forgotten person) or reference (saw a random half of the persons).
        results: of it, on the same pictures in the same order.
        learned: bool [M], which of them it was trained on.
    """

    kind: str
    results: Results
    learned: np.ndarray

    def of(self, *subsets: str) -> Yardstick:
        chosen = self.results.table["subset"].isin(subsets).to_numpy()
        return Yardstick(self.kind, self.results.of(*subsets), self.learned[chosen])


@dataclass(frozen=True)
class Audit:
    """Outcome.

    Attributes:
        figures: flat, for metrics/<name>.json.
        attacks: a row an attack: its figures and its distance to the oracle.
        persons: forgotten persons by pseudonym (`pipeline.evaluation.persons.rank`).
    """

    figures: dict[str, float | str]
    attacks: pd.DataFrame
    persons: pd.DataFrame


def audit(
    results: Results,
    yardsticks: list[Yardstick],
    settings: AuditSettings,
    attacking: EvaluateSettings,
    seed: int,
) -> Audit:
    """Audit a model.

    Nothing here reads `validation`, which chose the model.

    Args:
        results: of the model on all subsets.
        yardsticks: the retrained oracle first, then further oracles and reference models.
        seed: of folds, bootstrap and probes.
    """
    first, *others = (one.results for one in yardsticks if one.kind == "oracle")
    scores, of_oracle = _scores(results, yardsticks), _scores(first, yardsticks)
    attacks, oracle_attacks = (_attacks(results, found, attacking, seed) for found in (scores, of_oracle))
    of_others = [_attacks(results, _scores(other, yardsticks), attacking, seed) for other in others]
    floor = verdict.noise_floor(settings.tolerance, oracle_attacks, of_others)
    said = verdict.judge(attacks, oracle_attacks, floor)
    forget, unseen = results.of("forget").table, results.of("unseen").table
    members, non_members = scores[said.strongest]
    at_risk = persons.rank(members, forget["unit"].to_numpy(), non_members, unseen["unit"].to_numpy())
    strongest, apart = attacks[said.strongest], said.differences[said.strongest]
    figures: dict[str, float | str] = {
        "verdict": said.word,
        "noise_floor": floor,
        "strongest_attack": said.strongest,
        "strongest_auc": strongest.auc,
        "strongest_auc_low": strongest.auc_low,
        "strongest_auc_high": strongest.auc_high,
        "strongest_tpr_at_1_percent": strongest.tpr_1,
        "strongest_minus_oracle": apart.value,
        "strongest_minus_oracle_low": apart.low,
        "strongest_minus_oracle_high": apart.high,
        **{f"{name}_auc": found.auc for name, found in attacks.items()},
        "persons_detected": float(at_risk["detected"].sum()),
        "persons_audited": float(len(at_risk)),
        **_distances(results, first, others),
        **inside.figures(results, seed),
    }
    return Audit(figures, _table(attacks, said), at_risk)


def _scores(results: Results, yardsticks: list[Yardstick]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Attack -> scores of forget and of unseen."""
    pair = results.of("forget"), results.of("unseen")
    own = [signals(one.logits, one.labels) for one in pair]
    found = {name: (own[0][name], own[1][name]) for name in own[0]}
    return {**found, **_relative(results, yardsticks)}


def _relative(results: Results, yardsticks: list[Yardstick]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Attacks that compare with the yardsticks; LiRA where reference models give every picture an IN and an OUT."""
    both = ("forget", "unseen")
    model, others = results.of(*both), [one.of(*both) for one in yardsticks]
    out = np.stack([~one.learned for one in others])
    members = model.table["subset"].eq("forget").to_numpy()
    rmia = likelihood.rmia(
        model.table["loss"].to_numpy(), _stack(others, "loss"), out, *_population(results, yardsticks)
    )
    found = {"rmia": rmia}
    references = [place for place, one in enumerate(others) if one.kind == "reference"]
    if len(references) > 1:
        score = likelihood.lira(model.table["margin"].to_numpy(), _stack(others, "margin"), out)
        if np.isfinite(score).all():
            found["lira"] = score
    return {name: (score[members], score[~members]) for name, score in found.items()}


def _population(results: Results, yardsticks: list[Yardstick]) -> tuple[np.ndarray, np.ndarray]:
    """Losses [Z] and [R, Z] of pictures that no model saw: `test`, or `unseen` where a split has too little of it."""
    name = "test" if results.table["subset"].eq("test").sum() >= FEWEST_POPULATION else "unseen"
    others = [one.of(name) for one in yardsticks if name == "test" or one.kind == "oracle"]
    return results.of(name).table["loss"].to_numpy(), _stack(others, "loss")


def _stack(others: list[Yardstick], column: str) -> np.ndarray:
    return np.stack([one.results.table[column].to_numpy() for one in others])


def _attacks(
    results: Results, scores: Mapping[str, tuple[np.ndarray, np.ndarray]], settings: EvaluateSettings, seed: int
) -> dict[str, Attack]:
    forget, unseen = (results.of(name).table["unit"].to_numpy() for name in ("forget", "unseen"))
    return {
        name: attack(
            *pair,
            member_groups=forget,
            non_member_groups=unseen,
            folds=settings.attack_folds,
            bootstrap=settings.bootstrap,
            seed=seed,
        )
        for name, pair in scores.items()
    }


def _distances(results: Results, first: Results, others: list[Results]) -> dict[str, float]:
    """To the oracle, per subset where it says something."""
    attributes = results.labels.ndim == 2
    found: dict[str, float] = {}
    for subset in ("forget", "unseen", "retain"):
        p, q = (oracle.probabilities(one.of(subset).logits, attributes) for one in (results, first))
        found[f"js_{subset}"] = oracle.js_divergence(p, q)
        if subset == "forget":
            found["activation_distance_forget"] = oracle.activation_distance(p, q)
    own, *theirs = (one.of("forget") for one in (results, first, *others))
    margins = np.stack([one.table["margin"].to_numpy() for one in theirs])
    found["margin_distance_forget"] = oracle.margin_distance(own.table["margin"].to_numpy(), margins[0])
    if len(margins) > 1:
        found["klom_forget"] = oracle.klom(own.table["margin"].to_numpy(), margins)
    found["cka_forget"] = oracle.cka(own.features, theirs[0].features)
    return found


def _table(attacks: dict[str, Attack], said: verdict.Verdict) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for name, found in attacks.items():
        figures = {key: value for key, value in asdict(found).items() if key != "draws"}
        apart = {f"minus_oracle_{key}": value for key, value in asdict(said.differences[name]).items()}
        rows.append({"attack": name, **figures, **apart})
    return pd.DataFrame(rows)
