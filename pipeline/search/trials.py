"""The trials of a search: unlearning runs with other knobs, from the original model of the workspace.

A trial is scored by NoMUS on validation, the figure by which the gate orders models; `test` and `unseen` are never
loaded. Trials are proposed by Optuna's tree-structured Parzen estimator, the first is the method as params.yaml has it.
With few forgotten persons, where the gate goes by ranks instead, NoMUS is noise: there is no search.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline import layout
from pipeline.config import Params
from pipeline.data import subsets
from pipeline.errors import ConfigError
from pipeline.evaluation.metrics import on_validation
from pipeline.evaluation.samples import per_sample
from pipeline.evaluation.verdict import FEWEST
from pipeline.hashes import file_hash
from pipeline.learning import models
from pipeline.search.choice import OBJECTIVE, Choice, choose, judged
from pipeline.search.space import space
from pipeline.settings import EvaluateSettings, PassSettings
from pipeline.unlearning import base

if TYPE_CHECKING:
    import optuna

STORE = layout.WORKSPACE / "search.db"
LIBRARY = Path(__file__).parents[1]
CODE = (  # of the library, that a trial runs beside its method's own
    "settings.py",
    "data/balance.py",
    "data/batches.py",
    "data/subsets.py",
    "data/tasks.py",
    "learning/*.py",
    "unlearning/base.py",
    "evaluation/forgetting_check.py",
    "evaluation/logit_scores.py",
    "evaluation/label_mix.py",
    "evaluation/membership.py",
    "evaluation/metrics.py",
    "evaluation/representation.py",
    "evaluation/samples.py",
    "evaluation/scores.py",
    "evaluation/verdict.py",
)


def search(
    name: str,
    settings: PassSettings,
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
        ConfigError: too few persons are forgotten, or are in validation.
        DataError, ModelError: the split or the original model is missing or damaged.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    fewest = min(splits.loc[splits["subset"] == subset, "unit"].nunique() for subset in ("forget", "validation"))
    if fewest < FEWEST:
        raise ConfigError(
            f"{fewest} person(s) are forgotten, or are in validation: below {FEWEST} NoMUS, by which a search goes, is "
            "noise; search with more of them (split.forget_fraction), and take the knobs to the few"
        )
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

    def objective(trial: optuna.Trial) -> float:
        values: dict[str, Any] = {
            key: knob.turned(trial.suggest_float(key, knob.low, knob.high, log=True)) for key, knob in knobs.items()
        }
        place, runs = len(_ended(trial.study)), []  # Optuna's own number counts trials that were broken off as well
        for seed in range(params.seed, params.seed + seeds):
            run = base.Run(seed=seed, title=f"{name}, trial {place} (of {trials})")
            model = base.unlearn(method, original, faces, replace(settings, **values), run)
            runs.append({"seconds": run.seconds, **figures(model), "status": run.status})
        row = {**values, **_mean(runs)}
        for key, told in row.items():
            trial.set_user_attr(key, told)
        on_trial(place, row)
        return -1.0 if row["status"] == "diverged" else float(row[OBJECTIVE])

    STORE.parent.mkdir(parents=True, exist_ok=True)
    ranges = {key: asdict(knob) for key, knob in knobs.items()}
    study = optuna.create_study(
        study_name=f"{name}-{fingerprint(name, settings, params, splits, knobs=ranges, seeds=seeds)}",
        storage=f"sqlite:///{STORE}",
        direction="maximize",
        load_if_exists=True,
    )
    done = _ended(study)
    study.sampler = optuna.samplers.TPESampler(seed=params.seed + len(done), n_startup_trials=max(3, trials // 3))
    if not done and knobs and not study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.WAITING]):
        study.enqueue_trial({key: knob.turned(getattr(settings, key)) for key, knob in knobs.items()})
    study.optimize(objective, n_trials=max(0, (trials if knobs else 1) - len(done)))
    found = judged(table(study), start, params.register)
    return found, choose(found)


def table(study: optuna.Study) -> pd.DataFrame:
    """A row for each trial that ended, the best first; `trial` counts those, and 0 is what the search started from."""
    ended = _ended(study)
    rows = [{"trial": place, **trial.user_attrs} for place, trial in enumerate(ended)]
    order = sorted(range(len(ended)), key=lambda place: -float(ended[place].value or 0.0))
    return pd.DataFrame([rows[place] for place in order])


def _ended(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """In the order in which they began, the one that the search started from first."""
    return [trial for trial in study.trials if trial.value is not None]


def _mean(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the figures; of the status the worst."""
    statuses = [run.pop("status") for run in runs]
    worst = max(statuses, key=("finished", "stopped early", "diverged").index)
    return {**{key: sum(run[key] for run in runs) / len(runs) for key in runs[0]}, "status": worst}


def _quick(settings: EvaluateSettings) -> EvaluateSettings:
    """No interval is read here."""
    return replace(settings, bootstrap=0)


def fingerprint(name: str, settings: PassSettings, params: Params, splits: pd.DataFrame, **more: Any) -> str:
    """Of what a trial of a method depends on: with another original, split, setting or code it is another trial.

    Args:
        more: what else it depends on, in JSON's types.
    """
    weights = file_hash(layout.MODELS / "original" / models.WEIGHTS)
    rows = pd.util.hash_pandas_object(splits[["image", "subset", "label"]], index=False).to_numpy().tobytes()
    of = [weights, code(name), asdict(settings), params.seed, asdict(params.evaluate), more]
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode() + rows).hexdigest()[:12]


def code(name: str) -> str:
    """Hash of all that runs in a trial of a method, its own file among it."""
    own = Path(inspect.getfile(import_module(base.get(name).unlearn.__module__)))
    return file_hash(own, *(path for glob in CODE for path in sorted(LIBRARY.glob(glob))))
