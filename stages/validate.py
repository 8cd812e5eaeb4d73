"""DVC stage `validate`: Great Expectations on the split; a failure stops the run."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from pipeline import config, layout
from pipeline.tracking import stage_runs
from stages.common import run


def main() -> None:
    from pipeline.data import checks, splits, store, tasks

    params = config.load()
    settings, protocol = params.validate, params.split.protocol
    with stage_runs.stage_run("validate", params={"validate": asdict(settings), "protocol": protocol}) as tracked:
        faces, split = store.open(layout.FACES), splits.read(layout.SPLITS)
        names = tasks.label_names(faces.info["classes"], params.task)
        docs = layout.DATA_DOCS
        by_name = splits.forgets_by_name(layout.SPLITS)
        outcome = checks.check(
            split, faces.table, names, protocol=protocol, settings=settings, docs=docs, by_name=by_name
        )
        result = {"success": not outcome.errors, **asdict(outcome)}
        layout.VALIDATION.mkdir(parents=True, exist_ok=True)
        told = json.dumps(result, indent=2, ensure_ascii=False)
        (layout.VALIDATION / "result.json").write_text(told + "\n", encoding="utf-8")
        tracked.log_metrics({"errors": len(outcome.errors), "warnings": len(outcome.warnings)})
        tracked.log_artifact(layout.VALIDATION / "result.json")
        tracked.log_artifacts(docs, "data_docs")
        for warning in outcome.warnings:
            typer.secho(f"warning: {warning}", fg="yellow", err=True)
        outcome.raise_for_errors()
    typer.echo(f"{len(outcome.checks)} checks, {len(outcome.warnings)} warning(s), no error: see {docs}/index.html")


if __name__ == "__main__":
    run(main)
