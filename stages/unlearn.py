"""DVC stage `unlearn`: one method makes the original model forget."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from pipeline import config, layout
from pipeline.tracking import stage_runs
from stages.common import run


def main(method: str = typer.Option(..., help="a file of pipeline/unlearning/")) -> None:
    from pipeline.data import contact_sheet
    from pipeline.data import splits as split_table
    from pipeline.jobs.unlearn import unlearn_model

    params = config.load()
    settings = config.method_settings(method)
    with stage_runs.stage_run("unlearn", method, params={"seed": params.seed, method: asdict(settings)}) as tracked:
        splits = split_table.read(layout.SPLITS)
        outcome = unlearn_model(method, settings, params, splits)
        tracked.log_history(outcome.history)
        tracked.log_metrics(
            {
                "seconds": outcome.seconds,
                "forward_images": outcome.forward_images,
                "backward_images": outcome.backward_images,
            }
        )
        tracked.set_tags({"status": outcome.status, "note": outcome.note, "warning": outcome.warning})
        folder = layout.MODELS / method
        for name in ("model.json", "history.csv"):  # weights stay in the DVC cache: one copy less to erase
            tracked.log_artifact(folder / name, "model")
        dataset = json.loads((folder / "model.json").read_text(encoding="utf-8"))["dataset"]
        if outcome.examples and dataset == "synthetic":  # pictures of real people do not belong into a report
            before, after = ((one * 255).round().byte().permute(0, 2, 3, 1).numpy() for one in outcome.examples)
            contact_sheet.save_contact_sheet(contact_sheet.change_sheet(before, after), folder / "examples.png")
            tracked.log_artifact(folder / "examples.png", "model")
    told = outcome.warning if outcome.status == "finished" else outcome.note
    if told:
        typer.secho(f"{method} {outcome.status}: {told}", fg="yellow", err=True)


if __name__ == "__main__":
    run(main)
