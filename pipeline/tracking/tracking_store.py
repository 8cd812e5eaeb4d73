"""The connection to MLflow: which server, one process at a time where it is SQLite, errors a person can act on.

MLflow takes a second to import, so it is imported only once a connection is asked for.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import TrackingError
from pipeline.layout import root

if TYPE_CHECKING:
    from filelock import FileLock
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.store.entities import PagedList

T = TypeVar("T")

EXPERIMENT = "face-unlearning"
SQLITE = "sqlite:///"
LOCK_SECONDS = 120.0  # longest wait for another process of this checkout
PROBE_SECONDS = (3.0, 10.0)  # to connect, to answer
# MLflow's own limits (7 retries, 120 s each) hide a lost server for many minutes. These survive a restart of one.
LIMITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
REMEDY = "Start the server, or unset MLFLOW_TRACKING_URI to log into ./mlflow.db, or set DLFD_TRACKING=off."
LOCAL_REMEDY = (
    "Look at that file's rights and the free space; move it away to begin with a new one; or set DLFD_TRACKING=off."
)


def enabled() -> bool:
    """Whether anything is logged: not with DLFD_TRACKING=off."""
    return os.environ.get("DLFD_TRACKING", "").strip().lower() not in ("off", "no", "false", "0")


def uri() -> str:
    """MLFLOW_TRACKING_URI, else the SQLite file mlflow.db in the checkout."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root() / 'mlflow.db'}"


class Store:
    """A connection to MLflow. Make one with `connect`.

    Attributes:
        uri: of the tracking server.
        client: MLflow's own; use it inside `call` only.
    """

    def __init__(self, address: str) -> None:
        self.uri = address

    @cached_property
    def client(self) -> MlflowClient:
        import mlflow

        for name in ("mlflow", "alembic"):  # else they tell of every table they create
            logging.getLogger(name).setLevel(os.environ["MLFLOW_LOGGING_LEVEL"])
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it prints tracebacks of what it raises
        if self.uri.startswith(SQLITE) and not (path := Path(self.uri.removeprefix(SQLITE))).exists():
            _create_database(path)
        return mlflow.MlflowClient(self.uri, os.environ.get("MLFLOW_REGISTRY_URI") or self.uri)

    @cached_property
    def lock(self) -> FileLock:
        """Held during every call: two processes that create the schema of a fresh SQLite file break it, and two
        that look for a parent run or an alias at once would make two. It is local to the machine; on a server that
        several share, the parent's key holds the checkout, so that nobody else makes the same one.
        """
        from filelock import FileLock

        if self.uri.startswith(SQLITE):
            return FileLock(f"{self.uri.removeprefix(SQLITE)}.lock", timeout=LOCK_SECONDS)
        folder = private_folder()
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / "mlflow.lock", timeout=LOCK_SECONDS)

    @cached_property
    def experiment(self) -> str:
        """Id of the experiment, which is created where it is missing. MLFLOW_EXPERIMENT_NAME names another."""
        from mlflow.exceptions import MlflowException

        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        if (found := self.client.get_experiment_by_name(name)) is not None:
            return str(found.experiment_id)
        # A server knows where its artifacts belong; SQLite would put them into the working folder.
        artifacts = (root() / "mlartifacts").as_uri() if self.uri.startswith("sqlite") else None
        try:
            return str(self.client.create_experiment(name, artifact_location=artifacts))
        except MlflowException:  # another machine was faster
            if (found := self.client.get_experiment_by_name(name)) is None:
                raise
            return str(found.experiment_id)

    def call(self, function: Callable[[], T]) -> T:
        """What the function returns; it alone of this machine talks to the store meanwhile.

        Raises:
            TrackingError: the store cannot be reached or refuses; names it and the remedy.
            OSError: the disk is full.
        """
        try:
            with self.lock:
                return function()
        except Exception as error:
            if (reason := _reason(error)) is None:
                raise
            raise TrackingError(_message(self.uri, reason)) from error

    @contextmanager
    def fluent(self) -> Iterator[None]:
        """Point MLflow's module-level functions here; what they set in the process is undone at the end."""
        import mlflow

        names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
        before = {name: os.environ.get(name) for name in names}
        mlflow.set_tracking_uri(self.uri)
        try:
            yield
        finally:
            mlflow.set_tracking_uri("")
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def connect() -> Store:
    """The store of this process; a server is asked whether it is there before MLflow is imported.

    Raises:
        TrackingError: no server answers within seconds.
    """
    for name, value in {**LIMITS, **QUIET}.items():
        os.environ.setdefault(name, value)
    store = Store(uri())
    if store.uri.startswith(("http://", "https://")):
        _probe(store.uri)
    return store


def all_pages(ask: Callable[[str | None], PagedList[T]]) -> list[T]:
    """What MLflow answers in pages.

    Args:
        ask: token of a page (None: the first) -> the page.
    """
    page = ask(None)
    found = list(page)
    while page.token:
        page = ask(page.token)
        found += page
    return found


def says_gone(error: MlflowException) -> bool:
    """Whether MLflow has no such thing, and refuses for no other reason."""
    return error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")


def private_folder() -> Path:
    """Where what concerns this checkout alone is kept; DVC's own, which git ignores."""
    return root() / ".dvc" / "tmp" / "dlfd-tracking"


def _create_database(path: Path) -> None:
    """A new SQLite file with MLflow's tables, whole or not there: MLflow cannot use one that a kill left half made."""
    import mlflow

    draft = path.with_name(f"{path.name}.partial")
    for left in (draft, draft.with_name(f"{draft.name}-journal")):
        left.unlink(missing_ok=True)
    mlflow.MlflowClient(f"{SQLITE}{draft}").search_experiments(max_results=1)
    draft.replace(path)


def _probe(address: str) -> None:
    """Any answer will do, a refusal too: what is wrong then is said by the first real request."""
    import requests

    try:
        requests.get(address, timeout=PROBE_SECONDS, stream=True).close()
    except requests.RequestException as error:
        raise TrackingError(_message(address, _root_cause(error))) from None


def _reason(error: Exception) -> str | None:
    """What went wrong, in a line; None for a bug of ours or a full disk, which others explain."""
    from alembic.util import CommandError
    from filelock import Timeout
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    if isinstance(error, Timeout):
        return f"another process has held {error.lock_file} for {LOCK_SECONDS:.0f} s"
    if isinstance(error, MlflowException | RequestException | SQLAlchemyError | CommandError):
        return _root_cause(error)
    if isinstance(error, ModuleNotFoundError):  # of a database that MLflow is not installed for
        return f"{error}: install the driver of this database"
    if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return str(error)
    return None


def _root_cause(error: BaseException) -> str:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if refused := re.search(r"\[Errno -?\d+\] [^'\")]+", line):  # buried in the retries' story
        return refused[0]
    return line if len(line) < 400 else line[:400] + " …"


def _message(address: str, reason: str) -> str:
    if address.startswith("sqlite"):
        return f"MLflow cannot use {address}: {reason}\n{LOCAL_REMEDY}"
    return f"the MLflow server {address} cannot be used: {reason}\n{REMEDY}"
