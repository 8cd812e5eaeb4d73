"""Search of an unlearning method's knobs on the validation subset: the same number of trials for every method.

A trial unlearns from the original model of the workspace and is scored by NoMUS on validation, the figure by which the
gate orders models; `test` and `unseen` are never loaded. Trials are proposed by Optuna's tree-structured Parzen
estimator, the first is the method as params.yaml has it. Searched are the knobs that are positive numbers and shares,
around their values; what costs time (epochs, batches, steps, shares of a pass) and what chooses between forms of a
method stays as it is, so that a trial of a method costs what the method costs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import pandas as pd

from pipeline import architectures, layout, models
from pipeline.config import Params
from pipeline.data import subsets
from pipeline.evaluation.metrics import on_validation
from pipeline.evaluation.samples import per_sample
from pipeline.settings import EvaluateSettings, Range, TrainSettings
from pipeline.unlearning import base

if TYPE_CHECKING:
    import optuna

WIDTH = 8.0  # a positive number is searched from value / WIDTH to value * WIDTH
FIXED = (
    *("momentum", "weight_decay", "forgetting_threshold"),  # shared by all methods, or of the measure itself
    *("recovery_share", "retain_share", "matching_share"),  # how much of a pass is dear, or is run at all
)
OBJECTIVE = "validation_nomus"
STORE = layout.WORKSPACE / "search.db"


@dataclass(frozen=True)
class Knob:
    """The range of a number.

    Attributes:
        log: whether it is drawn evenly in its logarithm.
    """

    low: float
    high: float
    log: bool


def space(settings: TrainSettings) -> dict[str, Knob]:
    """What is searched of a method, around the values it has.

    A number in [0, 1] has all of it, any other positive one WIDTH times less to WIDTH times more within its bounds. One
    that is zero is switched off and stays so.
    """
    hints = get_type_hints(type(settings), include_extras=True)
    found: dict[str, Knob] = {}
    for field in fields(settings):
        value, bounds = getattr(settings, field.name), _bounds(hints[field.name])
        if bounds is None or not isinstance(value, float) or not value or field.name in FIXED:
            continue
        if bounds.le == 1 or bounds.lt == 1:
            found[field.name] = Knob(0.01 if bounds.gt == 0 else 0.0, 0.99 if bounds.lt == 1 else 1.0, log=False)
        else:
            found[field.name] = Knob(value / WIDTH, value * WIDTH, log=True)
    return found


def search(
    name: str,
    settings: TrainSettings,
    params: Params,
    splits: pd.DataFrame,
    trials: int,
    on_trial: Callable[[int, dict[str, Any]], None] = lambda number, row: None,
) -> pd.DataFrame:
    """Run trials of a method until there are as many; those of an earlier search of the same thing count.

    Args:
        settings: what the search starts from.
        on_trial: called after each with its number and row.

    Returns:
        A row a trial, the best first: the knobs, the figures of `on_validation`, status and seconds.

    Raises:
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
    judged = {subset: faces[subset] for subset in ("forget", "validation")}

    def objective(trial: optuna.Trial) -> float:
        values: dict[str, Any] = {
            key: trial.suggest_float(key, knob.low, knob.high, log=knob.log) for key, knob in knobs.items()
        }
        run = base.Run(seed=params.seed, title=f"{name}, trial {trial.number + 1} of {trials}")
        model = base.unlearn(method, original, faces, replace(settings, **values), run)
        figures = on_validation(per_sample(model, judged, splits).table, _quick(params.evaluate), params.seed)
        row = {**figures, "status": run.status, "seconds": run.seconds}
        for key, told in row.items():
            trial.set_user_attr(key, told)
        on_trial(trial.number, {**values, **row})
        return -1.0 if run.status == "diverged" else figures[OBJECTIVE]

    STORE.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=f"{name}-{_fingerprint(settings, params, splits)}",
        storage=f"sqlite:///{STORE}",
        direction="maximize",
        load_if_exists=True,
    )
    done = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    study.sampler = optuna.samplers.TPESampler(seed=params.seed + len(done), n_startup_trials=max(3, trials // 3))
    if not done and knobs:
        study.enqueue_trial({key: getattr(settings, key) for key in knobs}, skip_if_exists=True)
    study.optimize(objective, n_trials=max(0, (trials if knobs else 1) - len(done)))
    return table(study)


def table(study: optuna.Study) -> pd.DataFrame:
    """A row for each trial that ended, the best first."""
    ended = [trial for trial in study.trials if trial.value is not None]
    rows = [{"trial": trial.number, **trial.params, **trial.user_attrs} for trial in ended]
    order = sorted(range(len(ended)), key=lambda place: -float(ended[place].value or 0.0))
    return pd.DataFrame([rows[place] for place in order])


def _bounds(hint: Any) -> Range | None:
    return next((one for one in getattr(hint, "__metadata__", ()) if isinstance(one, Range)), None)


def _quick(settings: EvaluateSettings) -> EvaluateSettings:
    """No interval is read here."""
    return replace(settings, bootstrap=0)


def _fingerprint(settings: TrainSettings, params: Params, splits: pd.DataFrame) -> str:
    """Of what a trial depends on beside its knobs: another original, split or start is another search."""
    weights = architectures.sha256(layout.MODELS / "original" / models.WEIGHTS)
    rows = pd.util.hash_pandas_object(splits[["image", "subset", "label"]], index=False).to_numpy().tobytes()
    told = json.dumps([weights, asdict(settings), params.seed, asdict(params.evaluate)], sort_keys=True)
    return hashlib.sha256(told.encode() + rows).hexdigest()[:12]


def write(found: pd.DataFrame, name: str, folder: Path) -> Path:
    """Write the trials as <folder>/<method>.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    found.to_csv(path, index=False)
    return path
