"""DVC stages `oracles` and `references`: a further model for audits to compare with, trained and passed over once."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipeline import config, layout
from pipeline.tracking import stage_runs
from stages.common import run


def main(name: str = typer.Option(..., help="oracle-<seed> or reference-<number>")) -> None:
    from pipeline.data import splits as split_table
    from pipeline.jobs.train import discard_checkpoint
    from pipeline.jobs.train_yardstick import make_yardstick

    params = config.load()
    logged = {"name": name, "task": params.task, "model": asdict(params.model), "train": asdict(params.train)}
    with stage_runs.stage_run("yardstick", name, params=logged) as tracked:
        history = make_yardstick(name, params, split_table.read(layout.SPLITS), on_epoch=tracked.log_epoch)
        tracked.log_metrics({"seconds": sum(row["seconds"] for row in history)})
    discard_checkpoint(name)


if __name__ == "__main__":
    run(main)
