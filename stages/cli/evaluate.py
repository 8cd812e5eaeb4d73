"""`dlfd evaluate`: any checkpoint on any data, outside the pipeline."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path

import typer

from pipeline.settings import Task
from stages.common import guarded


class Protocol(StrEnum):
    published = "published"
    person = "person"


@guarded
def evaluate(
    checkpoint: Path = typer.Option(..., help="a .pth file of the paper's authors, or a model folder of this pipeline"),
    data: Path = typer.Option(..., help="a folder or archive in any known layout"),
    task: Task | None = typer.Option(None, help="what it predicts; default: as a model folder says, age for a .pth"),
    protocol: Protocol = typer.Option(Protocol.published, help="who counts as forgotten"),
    image_size: int | None = typer.Option(
        None, min=16, max=512, help="pixels a side; default: as a model folder says, 128 for a .pth"
    ),
    seed: int | None = typer.Option(
        None,
        min=0,
        help="of the split (protocol person), the attack's folds and the bootstrap; default: as a model folder says, "
        "0 for a .pth",
    ),
    json_file: Path | None = typer.Option(None, "--json", help="write the figures there too"),
) -> None:
    """Accuracy, membership inference attack, forgetting score and NoMUS of a checkpoint."""
    from pipeline import checkpoints
    from pipeline.settings import SplitSettings

    found = checkpoints.evaluate(
        checkpoint,
        data,
        task=task,
        image_size=image_size,
        split=SplitSettings(protocol=protocol.value),
        seed=seed,
    )
    for sentence in found.warnings:
        typer.secho(f"warning: {sentence}", fg="yellow", err=True)
    counts = ", ".join(f"{count} {name}" for name, count in found.counts.items())
    drawn = f"protocol {protocol.value}, seed {found.seed}"
    typer.echo(f"{found.task} at {found.image_size}×{found.image_size}, {drawn}: {counts}")
    _show(found.figures, f"{checkpoint.name} on {data.name}")
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(found.figures, indent=2) + "\n", encoding="utf-8")


def _show(figures: dict[str, float], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("metric", title=title, title_justify="left")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:.4f}")
    Console().print(table)
