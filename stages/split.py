"""DVC stage `split`: who is retained, forgotten (now or in an earlier round), held out."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipeline import config, layout
from pipeline.tracking import stage_runs
from stages.common import run


def main() -> None:
    from pipeline.erasure import requests
    from pipeline.jobs.split import make_split

    params = config.load()
    logged = {"seed": params.seed, "task": params.task, "split": asdict(params.split)}
    logged |= {"unlearn": {"start_from": params.unlearn.start_from}}
    torn = requests.torn()
    with stage_runs.stage_run("split", params=logged) as tracked:
        outcome = make_split(params)
        new, earlier, summary = outcome.new, outcome.earlier, outcome.summary
        tracked.log_metrics({f"images.{name}": count for name, count in summary["counts"].items()})
        figures = {"persons_with_open_requests": new + earlier, "persons_of_earlier_rounds": earlier}
        tracked.log_metrics({"label_shift": summary["label_shift"], **figures})
        tracked.log_artifact(layout.SPLITS / "splits.json")
    for sentence in [*torn, *summary["warnings"], *summary["notes"]]:
        typer.secho(f"warning: {sentence}", fg="yellow", err=True)
    if new:
        typer.echo(f"the forget set is of {new} person(s) with open requests (`dlfd request list`)")
    if outcome.start and not new | earlier and not params.split.forget_persons:
        told = f"nobody asks to be forgotten: {outcome.start} forgets persons drawn at random, as for a comparison"
        typer.secho(f"warning: {told} of methods. Do not promote what comes of it", fg="yellow", err=True)
    if earlier:
        typer.echo(f"{earlier} person(s) whom {outcome.start} has forgotten are audited again")
    counts = ", ".join(f"{n} {name}" for name, n in summary["counts"].items())
    typer.echo(f"protocol {params.split.protocol}: {counts}")


if __name__ == "__main__":
    run(main)
