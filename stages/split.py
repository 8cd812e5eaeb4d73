"""DVC stage `split`: who is retained, forgotten, held out."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipeline import config, layout, tracking
from stages.common import run


def main() -> None:
    from pipeline.data import splits, store
    from pipeline.erasure import requests

    params = config.load()
    logged = {"seed": params.seed, "task": params.task, "split": asdict(params.split)}
    torn = requests.torn()
    with tracking.stage_run("split", params=logged) as tracked:
        faces = store.open(layout.FACES)
        classes = faces.info["classes"]
        asked = requests.open_persons(faces.table["person"].unique())
        split = splits.make(
            faces.table, classes, task=params.task, settings=params.split, seed=params.seed, requested=asked
        )
        splits.write(split, layout.SPLITS)
        counts = split.summary["counts"]
        tracked.log_metrics({f"images.{name}": count for name, count in counts.items()})
        tracked.log_metrics({"label_shift": split.summary["label_shift"], "persons_with_open_requests": len(asked)})
        tracked.log_artifact(layout.SPLITS / "splits.json")
    for sentence in [*torn, *split.summary["warnings"], *split.summary["notes"]]:
        typer.secho(f"warning: {sentence}", fg="yellow", err=True)
    if asked:
        typer.echo(f"the forget set is of {len(asked)} person(s) with open requests (`dlfd request list`)")
    typer.echo(f"protocol {params.split.protocol}: " + ", ".join(f"{n} {name}" for name, n in counts.items()))


if __name__ == "__main__":
    run(main)
