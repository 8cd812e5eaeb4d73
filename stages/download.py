"""DVC stage `download`: raw data of any known layout, or a descriptor to render -> one store of faces."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipeline import config, layout
from pipeline.tracking import stage_runs
from stages.common import run

COUNTS = ("images", "persons", "distinct_pictures", "skipped_corrupt")


def main() -> None:
    from pipeline.data import raw, sources, store
    from pipeline.erasure import tombstones

    params = config.load()
    with stage_runs.stage_run("download", params={"data": asdict(params.data)}) as tracked:
        with raw.opened(layout.RAW, layout.WORKSPACE) as root:
            found = sources.read(root)
            for note in found.notes:
                typer.secho(f"warning: {note}", fg="yellow", err=True)
            faces = store.build(found, layout.FACES, params.data, tombstones.seal().holds)
        info = faces.info
        tracked.log_metrics({name: info[name] for name in COUNTS})
    skipped = f", {info['skipped_corrupt']} that cannot be read left out" if info["skipped_corrupt"] else ""
    if kept_out := len(found.table) - info["images"] - info["skipped_corrupt"]:
        typer.echo(f"{kept_out} picture(s) of the erased are kept out ({layout.ERASED})")
    size = info["image_size"]
    persons = info["persons"] if info["identities"] else "unknown"
    typer.echo(f"{info['name']}: {info['images']} images of {persons} persons at {size}×{size}{skipped}")


if __name__ == "__main__":
    run(main)
