"""All audits of one model, from stored results alone: attacks, distance to the oracle, features, persons, verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import DataError
from pipeline.evaluation import distances, inside, likelihood, persons, verdict
from pipeline.evaluation.membership import Attack, attack, interval
from pipeline.evaluation.samples import Results
from pipeline.evaluation.signals import SIGNALS, per_label, signals
from pipeline.progress import Advance, progress
from pipeline.settings import AuditSettings, EvaluateSettings

RELATIVE = ("calibrated", "rmia", "lira")  # attacks that compare with other models; the last where there are references
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
        attacks: a row an attack: its figures and, where it looks at the model alone, its distance to the oracle.
        persons: forgotten persons (`pipeline.evaluation.persons.Ranking`).
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
    *,
    is_oracle: bool = False,
) -> Audit:
    """Audit a model.

    Nothing here reads `validation`, which chose the model.

    Args:
        results: of the model on all subsets.
        yardsticks: the retrained oracle first, then further oracles and reference models.
        seed: of folds, bootstrap and probes.
        is_oracle: `results` are the first yardstick's own, which all others are judged by: it gets no verdict.

    Raises:
        DataError: a yardstick is of other pictures.
    """
    _check_aligned(results, yardsticks)
    first, *others = (one for one in yardsticks if one.kind == "oracle")
    references = [one for one in yardsticks if one.kind == "reference"]
    scores = _scores(results, [first, *references])
    asked = [
        (results, scores),
        (first.results, _own_scores(first.results)),
        *((one.results, _scores(one.results, [first, *references])) for one in others),
    ]
    with progress("auditing", sum(len(own) for _, own in asked), "attacks") as advance:
        attacks, of_oracle, *of_others = [_attacks(*one, attacking, seed, advance) for one in asked]
    forget, unseen = (results.of(name).table["unit"].to_numpy() for name in ("forget", "unseen"))
    at_risk = persons.rank(scores["calibrated"][0], forget, scores["calibrated"][1], unseen)
    floor = verdict.noise_floor(settings.tolerance, of_others)
    fewest = min(len(set(forget)), len(set(unseen)))
    said = verdict.judge(attacks, floor, p_high=at_risk.p_high, p_low=at_risk.p_low, persons=fewest)
    strongest = attacks[said.strongest]
    figures: dict[str, float | str] = {
        "verdict": verdict.YARDSTICK if is_oracle else said.word,
        "noise_floor": floor,
        "strongest_attack": said.strongest,
        "strongest_auc": strongest.auc,
        "strongest_auc_low": said.low,
        "strongest_auc_high": said.high,
        "strongest_tpr_at_1_percent": strongest.tpr_1,
        "strongest_tpr_at_1_percent_low": strongest.tpr_1_low,
        "strongest_tpr_at_1_percent_high": strongest.tpr_1_high,
        **{f"{name}_auc": found.auc for name, found in attacks.items()},
        **{f"{name}_auc_minus_oracle": attacks[name].auc - found.auc for name, found in of_oracle.items()},
        "persons_detected": float(at_risk.table["detected"].sum()),
        "persons_audited": float(len(at_risk.table)),
        "persons_p_remembered": at_risk.p_high,
        "persons_p_over_forgotten": at_risk.p_low,
        **_distances(results, first.results),
        **_beside_other_oracles(results, first.results, [one.results for one in others]),
        **inside.figures(results, seed),
    }
    return Audit(figures, _table(attacks, of_oracle), at_risk.table)


def _check_aligned(results: Results, yardsticks: list[Yardstick]) -> None:
    what = ["image", "subset", "label"]
    for one in yardsticks:
        if not results.table[what].equals(one.results.table[what]):
            raise DataError("a yardstick is of other pictures than the model: run `dvc repro` to make it anew")


def _scores(results: Results, yardsticks: list[Yardstick]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Attack -> scores of forget and of unseen."""
    return {**_own_scores(results), **_relative(results, yardsticks)}


def _own_scores(results: Results) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of the attacks that look at the model alone."""
    sides = results.of("forget"), results.of("unseen")
    forget, unseen = (signals(one.logits, one.labels) for one in sides)
    found = {name: (forget[name], unseen[name]) for name in forget}
    by_label = [name for name, signal in SIGNALS.items() if signal.per_label]
    return found | {name: per_label(forget[name], sides[0].labels, unseen[name], sides[1].labels) for name in by_label}


def _relative(results: Results, yardsticks: list[Yardstick]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Attacks that compare with the oracle and the reference models, where there are any."""
    both = ("forget", "unseen")
    model, others = results.of(*both), [one.of(*both) for one in yardsticks]
    members, margins = model.table["subset"].eq("forget").to_numpy(), model.table["margin"].to_numpy()
    out_margins, labels = others[0].results.table["margin"].to_numpy(), model.table["label"].to_numpy()
    found = {
        "calibrated": likelihood.calibrated(margins, out_margins, ~members, labels),
        "rmia": _rmia(results, yardsticks),
    }
    if references := others[1:]:
        out = np.stack([~one.learned for one in references])
        found["lira"] = likelihood.lira(margins, _stack(references, "margin"), out)
    return {name: (score[members], score[~members]) for name, score in found.items()}


def _rmia(results: Results, yardsticks: list[Yardstick]) -> np.ndarray:
    """RMIA of forget and unseen; its population is `test`, or `unseen` where a split has too little of that."""
    name = "test" if results.table["subset"].eq("test").sum() >= FEWEST_POPULATION else "unseen"
    model, others = results.of("forget", "unseen"), [one.of("forget", "unseen") for one in yardsticks]
    told = [one.of(name) for one in (yardsticks if name == "test" else yardsticks[:1])]
    out, losses = np.stack([~one.learned for one in others]), _stack(others, "loss")
    z = results.of(name).table["loss"].to_numpy()
    share = likelihood.DEFAULT_INTERPOLATION
    if name == "test" and len(others) > 3:
        share = likelihood.best_interpolation(losses[1:], out[1:], _stack(told, "loss")[1:])
    return likelihood.rmia(model.table["loss"].to_numpy(), losses, out, z, _stack(told, "loss"), share)


def _stack(others: list[Yardstick], column: str) -> np.ndarray:
    return np.stack([one.results.table[column].to_numpy() for one in others])


def _attacks(
    results: Results,
    scores: Mapping[str, tuple[np.ndarray, np.ndarray]],
    settings: EvaluateSettings,
    seed: int,
    advance: Advance,
) -> dict[str, Attack]:
    forget, unseen = (results.of(name).table["unit"].to_numpy() for name in ("forget", "unseen"))
    found = {}
    for name, pair in scores.items():
        found[name] = attack(
            *pair,
            member_groups=forget,
            non_member_groups=unseen,
            folds=settings.attack_folds,
            bootstrap=settings.bootstrap,
            seed=seed,
        )
        advance()
    return found


def _distances(results: Results, first: Results) -> dict[str, float]:
    """To the oracle, per subset where it says something."""
    attributes = results.labels.ndim == 2
    found: dict[str, float] = {}
    for subset in ("forget", "unseen", "retain"):
        p, q = (distances.probabilities(one.of(subset).logits, attributes) for one in (results, first))
        found[f"js_{subset}"] = distances.js_divergence(p, q)
        if subset == "forget":
            found["activation_distance_forget"] = distances.activation_distance(p, q)
    found["margin_distance_forget"] = distances.margin_distance(_margins(results), _margins(first))
    for subset in ("forget", "unseen"):
        found[f"cka_{subset}"] = distances.cka(results.of(subset).features, first.of(subset).features)
    return found


def _beside_other_oracles(results: Results, first: Results, others: list[Results]) -> dict[str, float]:
    """KLoM, and for every distance the mean one of the further oracles: what two trainings differ by anyway."""
    if not others:
        return {}
    theirs = pd.DataFrame([_distances(one, first) for one in others]).mean()
    floors = {f"{name}_of_oracles": float(value) for name, value in theirs.items()}
    return {
        "klom_forget": distances.klom(_margins(results), np.stack([_margins(one) for one in (first, *others)])),
        **floors,
    }


def _margins(results: Results) -> np.ndarray:
    return results.of("forget").table["margin"].to_numpy()


def _table(attacks: dict[str, Attack], of_oracle: dict[str, Attack]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for name, found in attacks.items():
        row = {"attack": name, **{key: value for key, value in asdict(found).items() if key != "draws"}}
        if name in of_oracle:
            low, high = interval(found.draws - of_oracle[name].draws)
            apart = found.auc - of_oracle[name].auc
            row |= {"minus_oracle": apart, "minus_oracle_low": low, "minus_oracle_high": high}
        rows.append(row)
    return pd.DataFrame(rows)
