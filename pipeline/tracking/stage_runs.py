"""What each stage tells MLflow of its work: metrics, artifacts and tags of its run.

The rest is told elsewhere: the parameters of a run by `run_tree`, which opens it, and a registered version with its
card and documents by `pipeline.registry` and `pipeline.serving.served_model`.

One parent run stands for one execution of the pipeline; every stage that runs is a child of it. The parent is found
by its tag `pipeline.key`: the DVC experiment, else the git revision with the parameters, the DAG, the data, the
requests and erasure/. None of it is an output of DVC, so its cache stays intact: a stage that DVC restores runs no code
and leaves no child.

Rules that keep the tree true:
- Of the children of one stage and model, the newest counts: it has the tag `superseded` = false, older ones (of
  `dvc repro --force`, or of a retry) true.
- A parent is RUNNING while a child is, FAILED when a child that counts failed or was killed, else FINISHED.
- A running child holds a lock on a file. A killed process no longer does, so the next stage that starts marks what it
  left RUNNING as KILLED.

DLFD_TRACKING=off makes everything here do nothing, and MLflow is not imported.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import TrackingError
from pipeline.tracking import run_tree as runs
from pipeline.tracking import tracking_store
from pipeline.tracking.tracking_store import Store

if TYPE_CHECKING:
    import pandas as pd

BATCH = 1000  # MLflow's limit on metrics in a request
Row = dict[str, Any]


class Run:
    """The MLflow run of a stage. This base class logs nothing: it is what a stage gets with DLFD_TRACKING=off.

    Every method of a live run raises TrackingError when MLflow cannot be reached or refuses.

    Attributes:
        id: of the run in MLflow, None with tracking off.
    """

    id: str | None = None

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """All in one request."""

    def log_epoch(self, row: Row) -> None:
        """Metrics of one epoch, whose number is `row["epoch"]`."""
        self.log_epochs([row])

    def log_epochs(self, rows: list[Row]) -> None:
        """The same of several epochs, in as few requests as possible."""

    def log_history(self, rows: list[Row]) -> None:
        """Metrics of many optimiser steps, whose number is `row["step"]`."""

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """A file, into a folder of the run's artifacts."""

    def log_artifacts(self, path: Path, folder: str) -> None:
        """The files of a folder, into a folder of the run's artifacts."""

    def log_dataset(self, frame: pd.DataFrame, name: str, context: str, targets: str | None = None) -> None:
        """Name, columns, size and digest of a table (never its rows) as an input of the run.

        Args:
            context: what it was used for, such as `training`.
            targets: the column of labels.
        """

    def set_tags(self, tags: dict[str, Any]) -> None:
        """Words about the run; values become strings."""

    def tag_execution(self, tags: dict[str, Any]) -> None:
        """Words about the whole execution, for its parent run: what people search for."""

    def page_of(self, artifact: str) -> str:
        """Where MLflow's pages show an artifact of this run, relative to the server's address."""
        return ""


class LiveRun(Run):
    """A run in MLflow."""

    def __init__(self, store: Store, child: runs.Child) -> None:
        self.store, self.id, self._run_id, self._parent = store, child.id, child.id, child.parent

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self._log([(step or 0, metrics)])

    def log_epochs(self, rows: list[Row]) -> None:
        self._log([_numbered(row, "epoch") for row in rows])

    def log_history(self, rows: list[Row]) -> None:
        self._log([_numbered(row, "step") for row in rows])

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        self.store.call(lambda: self.store.client.log_artifact(self._run_id, str(path), folder))

    def log_artifacts(self, path: Path, folder: str) -> None:
        self.store.call(lambda: self.store.client.log_artifacts(self._run_id, str(path), folder))

    def log_dataset(self, frame: pd.DataFrame, name: str, context: str, targets: str | None = None) -> None:
        from mlflow.data import pandas_dataset
        from mlflow.data.code_dataset_source import CodeDatasetSource
        from mlflow.entities import Dataset, DatasetInput, InputTag

        # Without a source MLflow would ask git, Databricks and others where the table is from.
        source: Any = CodeDatasetSource(tags={"mlflow.source.name": name})
        with warnings.catch_warnings():  # a hint about integer columns, meant for serving
            warnings.simplefilter("ignore", UserWarning)
            told = pandas_dataset.from_pandas(frame, source=source, name=name, targets=targets).to_dict()
        used = DatasetInput(Dataset(**told), [InputTag("mlflow.data.context", context)])
        self.store.call(lambda: self.store.client.log_inputs(self._run_id, [used]))

    def set_tags(self, tags: dict[str, Any]) -> None:
        self.store.call(lambda: self.store.client.log_batch(self._run_id, tags=runs.tag_list(tags)))

    def tag_execution(self, tags: dict[str, Any]) -> None:
        self.store.call(lambda: self.store.client.log_batch(self._parent, tags=runs.tag_list(tags)))

    def page_of(self, artifact: str) -> str:
        return f"#/experiments/{self.store.experiment}/runs/{self._run_id}/artifacts/{artifact}"

    def _log(self, rows: list[tuple[int, Row]]) -> None:
        """Single `log_metric` calls would take 70 ms each under contention. What is no number is left out."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [
            Metric(name, float(value), now, step)
            for step, row in rows
            for name, value in row.items()
            if isinstance(value, Real)
        ]
        for start in range(0, len(metrics), BATCH):
            batch = metrics[start : start + BATCH]
            self.store.call(partial(self.store.client.log_batch, self._run_id, metrics=batch))


@contextmanager
def stage_run(
    stage: str,
    name: str | None = None,
    params: dict[str, Any] | None = None,
    tags: dict[str, Any] | None = None,
) -> Iterator[Run]:
    """Run a stage's body inside its run: FINISHED at the end; FAILED, with the tag `error`, when it raises.

    Args:
        stage: name of the DVC stage.
        name: of the model it is about, if any; the run is called `<stage> <name>`.
        params: nested ones are flattened to `section.key`.
        tags: further ones; `stage` and `model` are set.

    Raises:
        TrackingError: MLflow cannot be reached or refuses; at the start within seconds, before any work.
    """
    if not tracking_store.enabled():
        yield Run()
        return
    store = tracking_store.connect()
    child = store.call(lambda: runs.open_child(store, stage, name, params or {}, tags or {}))
    try:
        yield LiveRun(store, child)
    except BaseException as error:
        failure = error if getattr(error, "exit_code", 1) else None  # typer.Exit(0) is no failure
        with suppress(TrackingError):  # the stage's own error is the one to show
            store.call(lambda: runs.close_child(store, child, failure))
        raise
    else:
        store.call(lambda: runs.close_child(store, child, None))
    finally:
        child.alive.release()


def _numbered(row: Row, key: str) -> tuple[int, Row]:
    return int(row[key]), {name: value for name, value in row.items() if name != key}
