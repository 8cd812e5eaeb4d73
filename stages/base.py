"""DVC stage `base`: what a round of unlearning starts from, fetched by the name and hash that round.json has in git.

A model in service lives in the registry, which DVC does not see; here it becomes an output like any other, so that what
follows is cached, and pushed to a remote for others who have no such registry.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from pipeline import config, layout
from pipeline.tracking import stage_runs
from stages.common import run

if TYPE_CHECKING:
    from pipeline.erasure.rounds import Base


def main() -> None:
    from pipeline.erasure import rounds

    start_from = config.load().unlearn.start_from
    base = rounds.base_of(start_from)
    shutil.rmtree(layout.BASE, ignore_errors=True)
    layout.BASE.mkdir(parents=True)
    if base is not None:  # else there is nothing to do, and nothing to tell MLflow
        _fetch(base)
    told = {"start_from": start_from, **({} if base is None else asdict(base))}
    (layout.BASE / "base.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"this round starts from {base.model if base else 'the original, which is trained for it'}")


def _fetch(base: Base) -> None:
    from pipeline.registry import starting_point

    with stage_runs.stage_run("base", params={"unlearn": asdict(base)}) as tracked:
        starting_point.fetch(base.model, base.weights_sha256, layout.BASE)
        tracked.set_tags({"base": base.model})


if __name__ == "__main__":
    run(main)
