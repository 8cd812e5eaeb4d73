"""The MLflow server stops in the middle of a round; four experiments at a time log into one store."""

from __future__ import annotations

import random
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import states
from checkouts import Checkout
from drill_round import ROUND, Undisturbed
from servers import free_port, running

pytestmark = [pytest.mark.end_to_end, pytest.mark.drill]
STOPS, EXPERIMENTS, AT_ONCE = 8, 8, 4
PATIENCE = 1500  # seconds for all experiments
TOUCHED = {"unlearn finetune", "evaluate finetune", "compare", "register"}


@pytest.mark.timeout(3600)
def test_a_server_that_stops_in_the_middle(
    asked: Checkout, undisturbed: Undisturbed, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    checkout, chance = asked.copy(tmp_path / "checkout"), random.Random(0)
    database, port = tmp_path / "server.db", free_port()
    address = f"http://127.0.0.1:{port}"
    server = ["server", "--backend-store-uri", f"sqlite:///{database}", "--workers", "1", "--port", str(port)]
    server += ["--artifacts-destination", str(tmp_path / "artifacts"), "--host", "127.0.0.1"]
    log, stops, refusals = tmp_path / "log", 0, 0
    for command in ROUND:
        code: int | None = None
        while code != 0:
            with running(server, tmp_path / "server.log", f"{address}/health"):
                told = {"PYTHONPATH": str(checkout.root), "MLFLOW_TRACKING_URI": address}
                process = checkout.start(*command, log=log, **told)
                try:
                    code = process.wait(chance.uniform(3, 25) if stops < STOPS else None)
                except subprocess.TimeoutExpired:
                    stops += 1
            if process.returncode is None:
                code = process.wait(300)
                said = re.sub(r"\x1b\[\d*m", "", log.read_text(encoding="utf-8", errors="replace"))
                assert "Traceback" not in said, said
                assert code == 0 or (address in said and "Start the server" in said), said
                refusals += code != 0
    uri = f"sqlite:///{database}"
    assert not states.of(checkout, uri).differences(undisturbed.state)
    tell(
        f"tracking server stopped: {stops} times, {refusals} of them told as an error; the end was the undisturbed one"
    )


@pytest.mark.timeout(2 * PATIENCE)
def test_four_experiments_at_a_time(undisturbed: Undisturbed, tmp_path: Path, tell: Callable[[str], None]) -> None:
    checkout = undisturbed.checkout.copy(tmp_path / "checkout")
    checkout.commit()
    rates = [round(0.01 * (number + 1), 2) for number in range(EXPERIMENTS)]
    checkout.dvc("exp", "run", "--queue", "-S", f"finetune.learning_rate={','.join(map(str, rates))}")
    checkout.dvc("queue", "start", "--jobs", str(AT_ONCE))
    deadline, said = time.monotonic() + PATIENCE, "Queued"
    while ("Queued" in said or "Running" in said) and time.monotonic() < deadline:
        time.sleep(5)
        said = checkout.dvc("queue", "status").out
    checkout.dvc("queue", "stop", "--kill", check=False)
    assert said.count("Success") == EXPERIMENTS, said
    parents, children = checkout.mlflow_runs()
    mine = [one for one in parents if one.data.tags.get("dvc.experiment")]
    assert [one.info.status for one in mine] == ["FINISHED"] * EXPERIMENTS
    seen = []
    for parent in mine:
        own = [one for one in children if one.data.tags["mlflow.parentRunId"] == parent.info.run_id]
        assert sorted(one.info.run_name for one in own) == sorted(TOUCHED)
        assert {one.info.status for one in own} == {"FINISHED"}
        (unlearning,) = [one for one in own if one.info.run_name == "unlearn finetune"]
        seen.append(float(unlearning.data.params["finetune.learning_rate"]))
    assert sorted(seen) == rates
    tell(f"experiments: {EXPERIMENTS}, {AT_ONCE} at a time into one store; none of {5 * EXPERIMENTS} runs was lost")
