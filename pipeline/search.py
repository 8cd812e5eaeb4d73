"""Search of an unlearning method's knobs on the validation subset: the same number of trials for every method.

A trial unlearns from the original model of the workspace and is scored by NoMUS on validation, the figure by which the
gate orders models; `test` and `unseen` are never loaded. Trials are proposed by Optuna's tree-structured Parzen
estimator, the first is the method as params.yaml has it. Searched are the knobs that are positive numbers and shares,
around their values; what costs time (epochs, batches, steps, shares of a pass) and what chooses between forms of a
method stays as it is, so that a trial of a method costs what the method costs.

Chosen is the trial with the best NoMUS of those that the gate's limits on validation let pass, and the first where none
does or where it is behind by less than LEAST_GAIN (`choose`): NoMUS alone would at times take a model that the gate
then refuses, and the best of many trials is ahead by luck. What the gate reads beside the oracle is not asked here.
With few forgotten persons, where the gate goes by ranks instead, NoMUS is noise and a search finds nothing; where it is
no number there is none.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import pandas as pd

from pipeline import layout
from pipeline.config import Params
from pipeline.data import subsets
from pipeline.errors import ConfigError
from pipeline.evaluation.metrics import on_validation
from pipeline.evaluation.samples import per_sample
from pipeline.hashes import file_hash
from pipeline.learning import models
from pipeline.reference_tables import PASSES
from pipeline.registry import gate
from pipeline.settings import EvaluateSettings, Range, RegisterSettings, TrainSettings
from pipeline.unlearning import base

if TYPE_CHECKING:
    import optuna

WIDTH = 8.0  # a number is searched from value / WIDTH to value * WIDTH
FIXED = (
    *("momentum", "weight_decay", "forgetting_threshold"),  # shared by all methods, or of the measure itself
    *("recovery_share", "retain_share", "matching_share"),  # how much of a pass is dear, or is run at all
    "regularisation",  # of the entropic solver alone, and its precision rather than the method's
)
LEAST_GAIN = 0.01  # of NoMUS, by which a trial must beat the settings as they are: one seed's noise is about as large
OBJECTIVE = "validation_nomus"
STORE = layout.WORKSPACE / "search.db"
CODE = (  # that a trial runs beside its method's own
    "settings.py",
    "data/balance.py",
    "data/batches.py",
    "data/subsets.py",
    "data/tasks.py",
    "learning/*.py",
    "unlearning/base.py",
    "evaluation/accuracy.py",
    "evaluation/label_mix.py",
    "evaluation/membership.py",
    "evaluation/metrics.py",
    "evaluation/representation.py",
    "evaluation/samples.py",
    "evaluation/scores.py",
    "evaluation/verdict.py",
)


@dataclass(frozen=True)
class Knob:
    """The range of a number, drawn evenly in the logarithm.

    Attributes:
        low, high: of what is drawn.
        from_one: what is drawn is the number's distance from 1: of a share above ½ that is what counts.
    """

    low: float
    high: float
    from_one: bool = False

    def turned(self, number: float) -> float:
        """What was drawn -> the number, and back."""
        return round(1 - number, 12) if self.from_one else number  # .95, and not .9500000000000001


@dataclass(frozen=True)
class Choice:
    """What `choose` found.

    Attributes:
        row: of the trial.
        why: in words.
    """

    row: Mapping[Any, Any]
    why: str


def space(settings: TrainSettings) -> dict[str, Knob]:
    """What is searched of a method, around the values it has.

    WIDTH times less to WIDTH times more, within its bounds. One that is zero is switched off and stays so; one that
    another setting overrules (`variant: paper` sets DLFD's) is left out.
    """
    hints = get_type_hints(type(settings), include_extras=True)
    found: dict[str, Knob] = {}
    for field in fields(settings):
        value, bounds = getattr(settings, field.name), _bounds(hints[field.name])
        if bounds is None or not isinstance(value, float) or not value or field.name in FIXED:
            continue
        knob = _knob(value, bounds)
        tried = knob.turned(knob.low)
        changed: Any = {field.name: tried}
        if getattr(replace(settings, **changed), field.name) == tried:
            found[field.name] = knob
    return found


def _knob(value: float, bounds: Range) -> Knob:
    if 0.5 < value < 1 and 1 in (bounds.le, bounds.lt):
        return Knob((1 - value) / WIDTH, min((1 - value) * WIDTH, 0.99), from_one=True)
    most = 1.0 if bounds.le == 1 else 0.99 if bounds.lt == 1 else float("inf")
    return Knob(max(value / WIDTH, bounds.ge or 0.0), min(value * WIDTH, most))


def choose(found: pd.DataFrame) -> Choice:
    """The trial whose knobs a method is to have, of those that `judged` gives."""
    rows = found.to_dict("records")
    passing = [row for row in rows if row["gate"] == PASSES]
    first = next(row for row in rows if row["trial"] == 0)
    if passing:
        best = max(passing, key=lambda row: (row[OBJECTIVE], -row["trial"]))
        of = f"{len(passing)} of {len(rows)} trials whose validation figures pass the gate"
        gain = best[OBJECTIVE] - first[OBJECTIVE]
        if best is not first and first in passing and gain < LEAST_GAIN:
            return Choice(first, f"the settings as they are: the best NoMUS of the {of} is only {gain:.3f} higher")
        return Choice(best, f"the best NoMUS of the {of}")
    best = max(rows, key=lambda row: row[OBJECTIVE])
    beside = "" if best is first else f"; the best NoMUS, of trial {best['trial']}, does not count"
    return Choice(first, f"the settings as they are: no trial passes the gate{beside} ({best['gate']})")


def judged(found: pd.DataFrame, original: Mapping[str, float], settings: RegisterSettings) -> pd.DataFrame:
    """The trials with a column `gate`: that it lets them pass by their scores on validation, or why not.

    Args:
        found: a row a trial, with its number and its figures of `on_validation`.
        original: figures of `on_validation` of the original model.
        settings: the gate's limits.
    """
    rows = {str(row["trial"]): {**row, **gate.NEUTRAL} for row in found.to_dict("records")}
    reasons = gate.decide(original, rows, settings).reasons
    return found.assign(gate=["; ".join(reasons[trial]) or PASSES for trial in rows])


def search(
    name: str,
    settings: TrainSettings,
    params: Params,
    splits: pd.DataFrame,
    trials: int,
    seeds: int = 1,
    on_trial: Callable[[int, dict[str, Any]], None] = lambda number, row: None,
) -> tuple[pd.DataFrame, Choice]:
    """Run trials of a method until there are as many; those of an earlier search of the same thing count.

    Args:
        settings: what the search starts from.
        seeds: runs of a trial, `params.seed` and those after it; its figures are their means.
        on_trial: called after each with its number and row.

    Returns:
        A row a trial, the best first: the knobs, the figures of `on_validation`, status, seconds of a run, and what the
        gate says (`gate`); and the trial that is chosen.

    Raises:
        ConfigError: NoMUS on validation is no number.
        DataError, ModelError: the split or the original model is missing or damaged.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    device = models.select_device(params.device)
    method = base.get(name)
    needed = tuple(dict.fromkeys((*method.subsets, "forget", "validation")))
    faces = subsets.load(layout.FACES, splits, device, task=params.task, only=needed)
    original = models.load(layout.MODELS / "original", device)
    knobs = space(settings)
    measured = {subset: faces[subset] for subset in ("forget", "validation")}

    def figures(model: models.FaceClassifier) -> dict[str, float]:
        return on_validation(per_sample(model, measured, splits).table, _quick(params.evaluate), params.seed)

    start = figures(original)
    if math.isnan(start[OBJECTIVE]):
        few = "too few persons are forgotten, or are in validation"
        raise ConfigError(f"NoMUS on validation, by which a search goes, is no number here: {few}")

    def objective(trial: optuna.Trial) -> float:
        values: dict[str, Any] = {
            key: knob.turned(trial.suggest_float(key, knob.low, knob.high, log=True)) for key, knob in knobs.items()
        }
        runs = []
        for seed in range(params.seed, params.seed + seeds):
            run = base.Run(seed=seed, title=f"{name}, trial {trial.number + 1} of {trials}")
            model = base.unlearn(method, original, faces, replace(settings, **values), run)
            runs.append({"seconds": run.seconds, **figures(model), "status": run.status})
        row = {**values, **_mean(runs)}
        for key, told in row.items():
            trial.set_user_attr(key, told)
        on_trial(trial.number, row)
        return -1.0 if row["status"] == "diverged" else float(row[OBJECTIVE])

    STORE.parent.mkdir(parents=True, exist_ok=True)
    ranges = {key: asdict(knob) for key, knob in knobs.items()}
    study = optuna.create_study(
        study_name=f"{name}-{fingerprint(name, settings, params, splits, knobs=ranges, seeds=seeds)}",
        storage=f"sqlite:///{STORE}",
        direction="maximize",
        load_if_exists=True,
    )
    done = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    study.sampler = optuna.samplers.TPESampler(seed=params.seed + len(done), n_startup_trials=max(3, trials // 3))
    if not done and knobs and not study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.WAITING]):
        study.enqueue_trial({key: knob.turned(getattr(settings, key)) for key, knob in knobs.items()})
    study.optimize(objective, n_trials=max(0, (trials if knobs else 1) - len(done)))
    found = judged(table(study), start, params.register)
    return found, choose(found)


def table(study: optuna.Study) -> pd.DataFrame:
    """A row for each trial that ended, the best first; `trial` counts those, and 0 is what the search started from."""
    ended = [trial for trial in study.trials if trial.value is not None]
    rows = [{"trial": place, **trial.user_attrs} for place, trial in enumerate(ended)]
    order = sorted(range(len(ended)), key=lambda place: -float(ended[place].value or 0.0))
    return pd.DataFrame([rows[place] for place in order])


def _mean(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the figures; of the status the worst."""
    statuses = [run.pop("status") for run in runs]
    worst = max(statuses, key=("finished", "stopped early", "diverged").index)
    return {**{key: sum(run[key] for run in runs) / len(runs) for key in runs[0]}, "status": worst}


def _bounds(hint: Any) -> Range | None:
    return next((one for one in getattr(hint, "__metadata__", ()) if isinstance(one, Range)), None)


def _quick(settings: EvaluateSettings) -> EvaluateSettings:
    """No interval is read here."""
    return replace(settings, bootstrap=0)


def fingerprint(name: str, settings: TrainSettings, params: Params, splits: pd.DataFrame, **more: Any) -> str:
    """Of what a trial of a method depends on: with another original, split, setting or code it is another trial.

    Args:
        more: what else it depends on, in JSON's types.
    """
    weights = file_hash(layout.MODELS / "original" / models.WEIGHTS)
    rows = pd.util.hash_pandas_object(splits[["image", "subset", "label"]], index=False).to_numpy().tobytes()
    own = Path(inspect.getfile(import_module(base.get(name).unlearn.__module__)))
    code = file_hash(own, *(path for glob in CODE for path in sorted(Path(__file__).parent.glob(glob))))
    of = [weights, code, asdict(settings), params.seed, asdict(params.evaluate), more]
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode() + rows).hexdigest()[:12]


def write(found: pd.DataFrame, name: str, folder: Path) -> Path:
    """Write the trials as <folder>/<method>.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    found.to_csv(path, index=False)
    return path
