"""DVC stage `evaluate`: one pass of a model over all subsets, then every metric from it."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipeline import config, layout
from pipeline.tracking import stage_runs
from stages.common import run


def main(model: str = typer.Option(..., help="original, retrained or a method")) -> None:
    from pipeline.data import splits as split_table
    from pipeline.jobs.evaluate import evaluate_model

    params = config.load()
    logged = {"seed": params.seed, "model": model, "evaluate": asdict(params.evaluate)}
    with stage_runs.stage_run("evaluate", model, params=logged) as tracked:
        splits = split_table.read(layout.SPLITS)
        tracked.log_dataset(splits, "splits", context="evaluation", targets="label")
        metrics = evaluate_model(model, params, splits)
        tracked.log_metrics({name: value for name, value in metrics.items() if not isinstance(value, str)})
        tracked.set_tags({name: value for name, value in metrics.items() if isinstance(value, str)})
        tracked.log_artifact(layout.METRICS / f"{model}.json")


if __name__ == "__main__":
    run(main)
