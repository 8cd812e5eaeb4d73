"""DVC stage `train`: the original model (retain + forget) or the retrained one (retain alone, the oracle).

Where a round starts from the model in service, that is its original: it is taken over and nothing is trained.
"""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipeline import config, layout
from pipeline.settings import CHAMPION
from pipeline.tracking import stage_runs
from stages.common import run


def main(model: str = typer.Option(..., help="original or retrained")) -> None:
    from pipeline.data import splits as split_table
    from pipeline.jobs.train import discard_checkpoint, take_over_base, train_model

    params = config.load()
    if model not in layout.TRAINED:
        raise typer.BadParameter(f"{model!r} is not one of {', '.join(layout.TRAINED)}")
    logged = {"seed": params.seed, "task": params.task, "model": asdict(params.model), "train": asdict(params.train)}
    with stage_runs.stage_run("train", model, params=logged) as tracked:
        splits = split_table.read(layout.SPLITS)
        tracked.log_dataset(splits, "splits", context="training", targets="label")
        if model == "original" and params.unlearn.start_from == CHAMPION:
            history = take_over_base(params, splits)
        else:
            history = train_model(model, params, splits, on_epoch=tracked.log_epoch)
        tracked.log_metrics({"seconds": sum(row["seconds"] for row in history)})
        for name in ("model.json", "history.csv"):  # weights stay in the DVC cache: one copy less to erase
            tracked.log_artifact(layout.MODELS / model / name, "model")
    discard_checkpoint(model)  # last: until here a lost server or a kill costs no training


if __name__ == "__main__":
    run(main)
