"""Where a drill begins: a clone in which people have asked to be forgotten and nothing has run; and how it must end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator

import fresh
import pandas as pd
import pytest
import states
from checkouts import Checkout
from drill_round import ROUND, Undisturbed

PERSONS = 24  # from 20 on the gate goes by scores, which the tiny settings let pass; a few may be held out
MADE = ("workspace", ".dvc/cache", ".dvc/tmp", "data", "mlflow.db", "mlflow.db.lock", "mlartifacts")  # by a run
TOLD: list[str] = []


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Requests of 24 persons, and the salt of their keys; one method, so that 50 kills take bearable time."""
    root = tmp_path_factory.mktemp("drills") / "asked"
    checkout = fresh.clone(root)
    checkout.set(unlearn__methods=["finetune"], audit__relearn_steps=0)
    checkout.dvc("repro", "download")
    table = pd.read_parquet(root / "workspace/faces/table.parquet")
    dlfd(checkout, "request", "add", *map(str, sorted(table["person"].unique())[:PERSONS]), "--reason", "drill")
    for name in MADE:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    checkout.run("git", "checkout", "--quiet", "dvc.lock", "data.dvc")
    checkout.commit()
    yield checkout
    shutil.rmtree(root.parent)


@pytest.fixture(scope="session")
def undisturbed(asked: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    checkout = asked.copy(tmp_path_factory.mktemp("undisturbed") / "checkout")
    started = time.monotonic()
    stages = [stage for command in ROUND for stage in checkout.run(*command, PYTHONPATH=str(checkout.root)).stages]
    return Undisturbed(checkout, states.of(checkout), time.monotonic() - started, stages)


def dlfd(checkout: Checkout, *arguments: str) -> None:
    checkout.run("dlfd", *arguments, PYTHONPATH=str(checkout.root))


@pytest.fixture
def tell() -> Callable[[str], None]:
    """Figures of a drill, shown at the end of the session."""
    return TOLD.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TOLD:
        terminalreporter.section("drills")
        for line in TOLD:
            terminalreporter.write_line(line)
