"""The whole pipeline in a fresh clone: cold, with nothing to do, with one knob changed; and where the time goes.

python -m benchmarks.pipeline                       clones what is committed here into a temporary folder
python -m benchmarks.pipeline --folder /tmp/timed   … into this one, which stays, with the cold run committed in it
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks import clones, measure

KNOB = "dlfd.ot_weight"
COMMIT = ("git", "-c", "user.name=benchmark", "-c", "user.email=none", "commit", "--quiet", "--all", "--message")
GOALS = {"cold": 480.0, "no-op": 4.0, KNOB: 60.0}
START = 3.0  # seconds that any stage may take to start


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
        stages, ended = _stages(clone, "cold"), time.time()
        subprocess.run([*COMMIT, "the cold run"], cwd=clone, check=True)
        rows.append(_row("no-op", [timed("dvc", "repro") for _ in range(repeats)]))
        changes = [f"{KNOB}={2 + turn}" for turn in range(repeats)]  # each another value: DVC would know it again
        rows.append(_row(KNOB, [timed("dvc", "exp", "run", "-S", change) for change in changes]))
        stages += _stages(clone, KNOB, since=ended)
        starts = [
            _row(f"start-up of {name}", [timed(sys.executable, "-c", start_up(name)) for _ in range(repeats)])
            for name in stage_names()
        ]
    measure.report("pipeline", measure.device(), [*rows, *starts, *stages], repeats=repeats)


def _row(what: str, seconds: list[float]) -> dict[str, Any]:
    return {"what": what, "s": measure.summary(seconds), "goal": GOALS.get(what, START)}


def stage_names() -> list[str]:
    """Of the files of stages/, in the order in which dvc.yaml first runs each."""
    told = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return list(dict.fromkeys(stage["cmd"].split()[2].removeprefix("stages.") for stage in told.values()))


def start_up(stage: str) -> str:
    """Code that does what a stage does before its own work: its imports, parameters, a run in MLflow; and its end.

    Of `base` as in a later round: where a round starts from the original it tells MLflow nothing.
    """
    source = Path("stages", f"{stage}.py").read_text(encoding="utf-8")
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    deferred = [node for one in functions for node in ast.walk(one) if isinstance(node, ast.Import | ast.ImportFrom)]
    work = [ast.unparse(node) for node in deferred]
    work += ["import great_expectations"] if stage == "validate" else []  # which its checks import
    work += ["with stage_runs.stage_run('benchmark'): pass"] if "stage_run(" in source else []
    lines = [
        f"from stages import common, {stage}",
        "from pipeline import config",
        "from pipeline.tracking import stage_runs" if "stage_run(" in source else "",
        "def main() -> None:",
        *(f"    {line}" for line in ["config.load()", *work]),
        "import sys; sys.argv = ['benchmark']",
        "common.run(main)",
    ]
    return "\n".join(lines)


def _stages(clone: Path, of: str, since: float = 0.0) -> list[dict[str, Any]]:
    """Seconds of each stage's body and of the gap before it, where processes start and DVC hashes, from MLflow.

    Args:
        since: of runs that began later than this time.
    """
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{clone / 'mlflow.db'}")
    experiments = [found.experiment_id for found in client.search_experiments()]
    runs = client.search_runs(experiments, "tags.stage != 'pipeline'", order_by=["attributes.start_time ASC"])
    found = [(run.info.run_name, run.info.start_time / 1000, run.info.end_time / 1000) for run in runs]
    times = [one for one in found if one[1] > since]
    ends = [times[0][1], *(end for _, _, end in times)]  # nobody knows of a gap before the first
    return [
        {"what": f"{of}: {name}", "body, s": end - start, "gap before, s": start - before}
        for (name, start, end), before in zip(times, ends, strict=False)
    ]


if __name__ == "__main__":
    measure.program(main)
