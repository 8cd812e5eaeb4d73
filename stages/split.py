"""DVC stage `split`: who is retained, forgotten, held out."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipeline import config, layout, tracking
from stages.common import run


def main() -> None:
    from pipeline.data import splits, store

    params = config.load()
    logged = {"seed": params.seed, "task": params.task, "split": asdict(params.split)}
    with tracking.stage_run("split", params=logged) as tracked:
        faces = store.open(layout.FACES)
        classes = faces.info["classes"]
        split = splits.make(faces.table, classes, task=params.task, settings=params.split, seed=params.seed)
        splits.write(split, layout.SPLITS)
        counts = split.summary["counts"]
        tracked.log_metrics({f"images.{name}": count for name, count in counts.items()})
        tracked.log_metrics({"label_shift": split.summary["label_shift"]})
        tracked.log_artifact(layout.SPLITS / "splits.json")
    for sentence in [*split.summary["warnings"], *split.summary["notes"]]:
        typer.secho(f"warning: {sentence}", fg="yellow", err=True)
    typer.echo(f"protocol {params.split.protocol}: " + ", ".join(f"{n} {name}" for name, n in counts.items()))


if __name__ == "__main__":
    run(main)
