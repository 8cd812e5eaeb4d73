"""DVC stage `split`: who is retained, forgotten (now or in an earlier round), held out."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipeline import config, layout, pseudonyms, tracking
from stages.common import run


def main() -> None:
    from pipeline.data import splits, store
    from pipeline.erasure import requests, rounds

    params = config.load()
    start_from = params.unlearn.start_from
    logged = {"seed": params.seed, "task": params.task, "split": asdict(params.split)}
    logged |= {"unlearn": {"start_from": start_from}}
    torn = requests.torn()
    with tracking.stage_run("split", params=logged) as tracked:
        faces = store.open(layout.FACES)
        classes = faces.info["classes"]
        persons = [str(person) for person in faces.table["person"].unique()]
        asked = requests.open_by_id(persons)
        base = rounds.base_of(start_from)
        earlier = {asked[name] for name in asked if base and name in base.requests}
        kept = rounds.own_sides(persons, pseudonyms.load()) if rounds.read_sides() else {}
        split = splits.make(
            faces.table,
            classes,
            task=params.task,
            settings=params.split,
            seed=params.seed,
            requested=set(asked.values()) - earlier,
            forgotten=earlier,
            kept=kept,
        )
        splits.write(split, layout.SPLITS)
        counts = split.summary["counts"]
        tracked.log_metrics({f"images.{name}": count for name, count in counts.items()})
        figures = {"persons_with_open_requests": len(set(asked.values())), "persons_of_earlier_rounds": len(earlier)}
        tracked.log_metrics({"label_shift": split.summary["label_shift"], **figures})
        tracked.log_artifact(layout.SPLITS / "splits.json")
    for sentence in [*torn, *split.summary["warnings"], *split.summary["notes"]]:
        typer.secho(f"warning: {sentence}", fg="yellow", err=True)
    if new := len(set(asked.values()) - earlier):
        typer.echo(f"the forget set is of {new} person(s) with open requests (`dlfd request list`)")
    if base and earlier:
        typer.echo(f"{len(earlier)} person(s) whom {base.model} has forgotten are audited again")
    typer.echo(f"protocol {params.split.protocol}: " + ", ".join(f"{n} {name}" for name, n in counts.items()))


if __name__ == "__main__":
    run(main)
