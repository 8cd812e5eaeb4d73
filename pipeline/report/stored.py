"""Everything the page shows, as the stages before left it: pictures' results, histories, descriptions of models."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import comparison, layout, stored_json
from pipeline.config import Params
from pipeline.data import tasks
from pipeline.errors import DataError
from pipeline.evaluation import samples
from pipeline.evaluation.metrics import accuracy_interval
from pipeline.evaluation.samples import Results
from pipeline.registry import gate


@dataclass(frozen=True)
class Stored:
    """Results of a run of the pipeline.

    Attributes:
        metrics: name -> figures of metrics/<name>.json, of original, retrained and every method.
        table: `pipeline.comparison.compare` of them.
        decision: of the acceptance gate.
        params: of the run.
        samples: name -> samples.parquet, a row a picture.
        persons: name -> persons.csv, forgotten persons by pseudonym.
        histories: name -> history.csv, a row a step or epoch.
        infos: name -> model.json.
        splits, dataset: splits.json and dataset.json.
        labels: names of the label codes in `samples`.
        revision: of git, empty outside of it.
    """

    metrics: dict[str, dict[str, Any]]
    table: pd.DataFrame
    decision: gate.Decision
    params: Params
    samples: dict[str, pd.DataFrame]
    persons: dict[str, pd.DataFrame]
    histories: dict[str, pd.DataFrame]
    infos: dict[str, dict[str, Any]]
    splits: dict[str, Any]
    dataset: dict[str, Any]
    labels: list[str]
    revision: str

    @property
    def models(self) -> list[str]:
        """Their names, those of layout.TRAINED first."""
        return list(self.metrics)

    @property
    def methods(self) -> list[str]:
        return [name for name in self.metrics if name not in layout.TRAINED]

    @property
    def shown_first(self) -> str:
        """The model that choosers begin with: the accepted one, else DLFD, else the first method."""
        wanted = (self.decision.accepted, "dlfd", *self.methods, "original")
        return next(name for name in wanted if name in self.metrics)

    @property
    def identities(self) -> bool:
        """Whether the data says who is on its pictures; of a store that does not tell, as older ones, by its counts."""
        return bool(self.dataset.get("identities", self.dataset["persons"] < self.dataset["images"]))

    @cached_property
    def accuracy_intervals(self) -> dict[str, tuple[float, float]]:
        """Name -> 95 % interval of the test accuracy, from drawing other persons."""
        settings, seed = self.params.evaluate, self.params.seed
        return {name: accuracy_interval(table, settings.bootstrap, seed) for name, table in self.samples.items()}

    def results(self, name: str) -> Results:
        """With features, which for all models at once would be large.

        Raises:
            DataError: missing or damaged.
        """
        return samples.load(layout.EVALUATION / name)


def read(metrics: dict[str, dict[str, Any]], decision: gate.Decision, params: Params, revision: str) -> Stored:
    """Read what `pipeline.layout` names.

    Raises:
        DataError: a file is missing or damaged.
    """
    dataset = stored_json.read_json(layout.FACES / "dataset.json")
    return Stored(
        metrics=metrics,
        table=comparison.compare(metrics),
        decision=decision,
        params=params,
        samples={name: _table(layout.EVALUATION / name / "samples.parquet") for name in metrics},
        persons={name: _table(layout.EVALUATION / name / layout.PERSONS[0]) for name in metrics},
        histories={name: _table(layout.MODELS / name / "history.csv") for name in metrics},
        infos={name: stored_json.read_json(layout.MODELS / name / "model.json") for name in metrics},
        splits=stored_json.read_json(layout.SPLITS / "splits.json"),
        dataset=dataset,
        labels=tasks.label_names(dataset["classes"], params.task),
        revision=revision,
    )


def _table(path: Path) -> pd.DataFrame:
    """Of a Parquet or CSV file; an empty CSV file is a table without rows."""
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except FileNotFoundError:
        raise DataError(f"{path} not found: run `dvc repro`") from None
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}): delete it and run `dvc repro`") from None
