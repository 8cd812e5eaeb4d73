"""The whole pipeline in a fresh clone: cold, with nothing to do, with one knob changed; and where the time goes.

python -m benchmarks.pipeline                       clones what is committed here into a temporary folder
python -m benchmarks.pipeline --folder /tmp/timed   … into this one, which stays, with the cold run committed in it
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import clones, measure

KNOB = "dlfd.ot_weight=2"
STAGES = ("settings", "download", "split", "validate", "train", "unlearn", "evaluate", "compare", "register")
COMMIT = ("git", "-c", "user.name=benchmark", "-c", "user.email=none", "commit", "--quiet", "--all", "--message")
GOALS = {"cold": 480.0, "no-op": 4.0, KNOB: 60.0}


def main(repeats: measure.Count = 3, folder: Path | None = None) -> None:
    """Minutes of work: the cold run is measured once, what is short is repeated."""
    if folder and folder.exists():
        raise measure.BenchmarkError(f"{folder} is there already: name a folder that is not, or remove it")
    with tempfile.TemporaryDirectory() as scratch:
        clone = folder or Path(scratch) / "clone"
        clones.clone(clone)
        environment = {**clones.environment(clone), "DVC_SITE_CACHE_DIR": str(Path(scratch) / "site")}

        def timed(*command: str) -> float:
            started = time.perf_counter()
            done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise measure.BenchmarkError(f"{' '.join(command)}: {done.stderr[-3000:]}")
            return time.perf_counter() - started

        rows: list[dict[str, Any]] = [_row("cold", [timed("dvc", "repro")])]
        stages = _stages(clone)
        subprocess.run([*COMMIT, "the cold run"], cwd=clone, check=True)
        rows.append(_row("no-op", [timed("dvc", "repro") for _ in range(repeats)]))
        rows.append(_row(KNOB, [timed("dvc", "exp", "run", "-S", KNOB)]))
        starts = [
            _row(f"start-up of {name}", [timed(sys.executable, "-c", _start(name)) for _ in range(repeats)])
            for name in STAGES
        ]
    measure.report("pipeline", measure.device(), [*rows, *starts, *stages], repeats=repeats)


def _row(what: str, seconds: list[float]) -> dict[str, Any]:
    return {"what": what, "s": measure.summary(seconds), "goal": GOALS.get(what, "")}


def _start(stage: str) -> str:
    """What a stage does before its own work: imports, parameters, a run in MLflow; and its end."""
    heavy = {
        "unlearn": "pipeline.jobs.unlearn",
        "train": "pipeline.jobs.train",
        "evaluate": "pipeline.jobs.evaluate",
        "settings": "pipeline.learning.models",
    }
    return (
        "from stages import common, " + stage + "\n"
        "from pipeline import config\nfrom pipeline.tracking import stage_runs\n"
        "def main() -> None:\n"
        f"    config.load(); {'import ' + heavy[stage] if stage in heavy else 'import pipeline.data.store'}\n"
        "    with stage_runs.stage_run('benchmark'): pass\n"
        "import sys; sys.argv = ['benchmark']\n"
        "common.run(main)\n"
    )


def _stages(clone: Path) -> list[dict[str, Any]]:
    """Seconds of each stage's body and of the gap before it, where processes start and DVC hashes, from MLflow."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{clone / 'mlflow.db'}")
    experiments = [found.experiment_id for found in client.search_experiments()]
    runs = client.search_runs(experiments, "tags.stage != ''", order_by=["attributes.start_time ASC"])
    rows, before = [], None
    for run in runs:
        start, end = run.info.start_time / 1000, run.info.end_time / 1000
        rows.append(
            {"what": run.info.run_name, "body, s": end - start, "gap before, s": start - before if before else 0.0}
        )
        before = end
    return rows


if __name__ == "__main__":
    measure.program(main)
