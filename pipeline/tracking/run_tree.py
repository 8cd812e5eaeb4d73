"""The tree of MLflow runs: a parent for an execution of the pipeline, children for its stages.

The rules are in `pipeline.tracking.stage_runs`. Everything here runs inside `Store.call`, so one process at a time.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline import layout, pseudonyms
from pipeline.tracking.tracking_store import Store, private_folder

if TYPE_CHECKING:
    from filelock import FileLock
    from mlflow.entities import Param, RunTag
    from mlflow.entities import Run as MlflowRun

KEY, PARENT, CHECKOUT, SUPERSEDED = "pipeline.key", "mlflow.parentRunId", "pipeline.checkout", "superseded"
DEFINES_EXECUTION = (
    "params.yaml",
    "dvc.yaml",
    "data.dvc",
    *map(str, (layout.REQUESTS, layout.ROUND, layout.SIDES, layout.ERASED)),
)
CODE = ("pipeline", "stages", "dvc.yaml")
NOTES = {  # what a stage's run is, for whoever opens it in MLflow
    "download": "Raw data became the store of faces. Metrics: pictures, persons, what could not be read.",
    "split": "Who is retained, forgotten, held out. Metrics: pictures of each subset. Artifact: splits.json.",
    "validate": "Great Expectations on the split. Artifact: data_docs/index.html.",
    "base": "The model in service, which this round starts from, came out of the registry. The tag base names it.",
    "train": "original learns retain + forget, retrained (the oracle) retain alone. Metrics: a curve over epochs.",
    "yardstick": "A further model for audits to compare with. Metrics: a curve over epochs.",
    "unlearn": "A method makes the original model forget. Metrics: a curve over optimiser steps. Artifacts: "
    "model/, with examples.png where drawn faces are pushed.",
    "evaluate": "Every figure of a model; those of validation decide. The tag verdict says what the audits found.",
    "compare": "All models beside the oracle. Artifacts: report.html, figures/, comparison.csv.",
    "register": "The acceptance gate. The tag accepted names the method, refused.<method> the reasons.",
}
EXECUTION = "pipeline"  # the parents' tag `stage`
LONGEST = 5000  # characters of a value; MLflow refuses more than 6000


@dataclass(frozen=True)
class Child:
    """A stage's run that is going on.

    Attributes:
        alive: a lock on a file; that it is held says that the process lives.
    """

    id: str
    parent: str
    alive: FileLock


def open_child(store: Store, stage: str, name: str | None, params: dict[str, Any], tags: dict[str, Any]) -> Child:
    """Start the run of a stage, after clearing up what killed processes left."""
    _bury_the_dead(store)
    parent = _parent(store)
    for old in _children(store, parent):
        if (old.data.tags.get("stage"), old.data.tags.get("model")) == (stage, name):
            store.client.set_tag(old.info.run_id, SUPERSEDED, "true")
    title = f"{stage} {name}" if name else stage
    own = {
        **tags,
        PARENT: parent,
        CHECKOUT: checkout(),
        SUPERSEDED: "false",
        "stage": stage,
        "mlflow.note.content": NOTES.get(stage, ""),
        "mlflow.source.name": f"stages/{stage}.py",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": _user(),
        **({"model": name} if name else {}),
    }
    run = store.client.create_run(store.experiment, run_name=title, tags={k: text(v) for k, v in own.items()})
    run_id = run.info.run_id
    alive = _lock(run_id)
    alive.acquire(timeout=0)
    _log_params(store, run_id, params)
    store.client.update_run(parent, status="RUNNING")
    return Child(run_id, parent, alive)


def close_child(store: Store, child: Child, error: BaseException | None) -> None:
    """End the run of a stage, and its parent unless other stages still run."""
    if error is not None:
        store.client.set_tag(child.id, "error", first_line(error))
    interrupted = isinstance(error, KeyboardInterrupt)
    store.client.set_terminated(child.id, "KILLED" if interrupted else "FAILED" if error else "FINISHED")
    _settle(store, child.parent)
    child.alive.release()
    Path(child.alive.lock_file).unlink(missing_ok=True)


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:LONGEST] if lines else type(error).__name__


def flatten(params: dict[str, Any], section: str = "") -> dict[str, Any]:
    """Nested parameters as `section.key`."""
    flat: dict[str, Any] = {}
    for key, value in params.items():
        name = f"{section}.{key}" if section else str(key)
        flat |= flatten(value, name) if isinstance(value, dict) else {name: value}
    return flat


def tag_list(tags: dict[str, Any]) -> list[RunTag]:
    from mlflow.entities import RunTag

    return [RunTag(name, text(value)) for name, value in tags.items()]


def text(value: Any) -> str:
    """As MLflow keeps a parameter or tag; a list as in params.yaml."""
    told = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return told if len(told) <= LONGEST else told[:LONGEST] + " …"


def revision() -> str:
    """The git revision, with `-dirty` where the code is not as committed; empty outside of git.

    Only code counts: DVC itself changes tracked files (dvc.lock, metrics) while the pipeline runs.
    """
    head = _git("rev-parse", "HEAD")
    return f"{head}-dirty" if head and _git("status", "--porcelain", "--", *CODE) else head


def checkout() -> str:
    """What tells this checkout from others that log to the same server; made up once."""
    path = private_folder() / "checkout-id"
    if not path.exists():  # inside the store's lock, so no race
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(uuid.uuid4().hex[:12], encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _parent(store: Store) -> str:
    """Id of the parent run of this execution, which is created where it is missing."""
    experiment, head = os.environ.get("DVC_EXP_NAME", ""), _git("rev-parse", "HEAD")
    digest = hashlib.sha256()
    for name in DEFINES_EXECUTION:
        digest.update(Path(name).read_bytes() if Path(name).is_file() else b"")
    what = digest.hexdigest()[:8]
    key = f"exp:{experiment}:{checkout()}" if experiment else f"repro:{head}:{what}:{checkout()}"
    found = store.client.search_runs([store.experiment], f"tags.`{KEY}` = '{key}'", max_results=1)
    if found:
        return str(found[0].info.run_id)
    tags = {
        KEY: key,
        CHECKOUT: checkout(),
        "stage": EXECUTION,
        "git.revision": revision(),
        "dvc.experiment": experiment,
        "mlflow.source.name": "dvc exp run" if experiment else "dvc repro",
        "mlflow.source.type": "PROJECT",
        "mlflow.user": _user(),
        "mlflow.note.content": "One execution of the pipeline. Its stages are the nested runs.",
    }
    title = experiment or " ".join(filter(None, ["repro", head[:7], f"params {what}"]))
    run_id = str(store.client.create_run(store.experiment, run_name=title, tags=tags).info.run_id)
    if Path("params.yaml").is_file():
        _log_params(store, run_id, yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")) or {})
    return run_id


def _bury_the_dead(store: Store) -> None:
    """Mark as KILLED what processes of this checkout left RUNNING when they were killed."""
    running = f"attributes.status = 'RUNNING' and tags.`{CHECKOUT}` = '{checkout()}' and tags.`{SUPERSEDED}` != ''"
    for run in store.client.search_runs([store.experiment], running):  # parents have no `superseded`
        run_id, lock = run.info.run_id, _lock(run.info.run_id)
        if _held_by_another(lock):
            continue
        store.client.set_tag(run_id, "error", "the process was killed")
        store.client.set_terminated(run_id, "KILLED")
        _settle(store, run.data.tags[PARENT])
        Path(lock.lock_file).unlink(missing_ok=True)


def _held_by_another(lock: FileLock) -> bool:
    from filelock import Timeout

    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _settle(store: Store, parent: str) -> None:
    """Give a parent the status that its children say."""
    current = [run for run in _children(store, parent) if run.data.tags.get(SUPERSEDED) != "true"]
    statuses = {run.info.status for run in current}
    if "RUNNING" in statuses:
        store.client.update_run(parent, status="RUNNING")
    else:
        store.client.set_terminated(parent, "FAILED" if statuses & {"FAILED", "KILLED"} else "FINISHED")


def _children(store: Store, parent: str) -> list[MlflowRun]:
    return list(store.client.search_runs([store.experiment], f"tags.`{PARENT}` = '{parent}'"))


def _log_params(store: Store, run_id: str, params: dict[str, Any]) -> None:
    from mlflow.entities import Param

    values = pseudonyms.without_persons(flatten(params))
    flat: list[Param] = [Param(name, text(value)) for name, value in values.items()]
    for start in range(0, len(flat), 100):  # MLflow's limit on parameters in a request
        store.client.log_batch(run_id, params=flat[start : start + 100])


def _lock(run_id: str) -> FileLock:
    from filelock import FileLock

    folder = private_folder() / "running"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{run_id}.lock")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:  # an image without git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return ""
