"""DVC stage `register`: the acceptance gate, then the best accepted model goes to the MLflow registry."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import typer

from pipeline import config, layout, stored_json
from pipeline.erasure import progress
from pipeline.hashes import file_hash
from pipeline.registry import evidence, gate, model_card, versions
from pipeline.tracking import stage_runs, tracking_store
from stages.common import run


def main() -> None:
    params = config.load()
    settings = params.register
    metrics = stored_json.read_metrics(layout.METRICS, ["original", *params.unlearn.methods])
    original = metrics.pop("original")
    with stage_runs.stage_run("register", params={"register": asdict(settings)}) as tracked:
        decision = gate.decide(original, metrics, settings)
        report: dict[str, Any] = {**asdict(decision), "thresholds": asdict(settings), "version": None, "requests": {}}
        if name := decision.accepted:
            report |= _register(name, params, decision, metrics[name], tracked.id)
            if number := report["version"]:
                model_card.attach(settings.model_name, number, layout.MODELS / name, metrics[name], params)
        tracked.set_tags({"accepted": name or "none", **{f"refused.{m}": w for m, w in decision.reasons.items() if w}})
        told = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        for folder in (layout.REPORTS, layout.REGISTRATION):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "registration.json").write_text(told, encoding="utf-8")
        tracked.log_artifact(layout.REPORTS / "registration.json")
    for method, reasons in decision.reasons.items():
        if reasons:
            typer.secho(f"{method} is refused: {'; '.join(reasons)}", fg="yellow", err=True)
    typer.echo(_outcome(report, settings.model_name))
    for request, told in report["requests"].items():
        typer.echo(f"request {request}: {told}")


def _register(
    name: str, params: config.Params, decision: gate.Decision, metrics: dict[str, Any], run_id: str | None
) -> dict[str, Any]:
    from pipeline.learning import models

    folder, model_name = layout.MODELS / name, params.register.model_name
    found = {"weights_sha256": file_hash(folder / models.WEIGHTS)}
    if not tracking_store.enabled():
        return found
    told = evidence.gather(name, params, decision)
    version = versions.register(model_name, folder, metrics, run_id)
    evidence.attach(model_name, version.number, told)
    return {
        **found,
        "version": version.number,
        "candidate": versions.CANDIDATE in version.aliases,
        "requests": progress.of_method(name, f"{model_name}/{version.number}", metrics),
    }


def _outcome(report: dict[str, Any], model_name: str) -> str:
    name, version = report["accepted"], report["version"]
    if name is None:
        return "no method passes the acceptance gate (`register:` in params.yaml): the registry is as it was"
    if version is None:
        return f"{name} passes the acceptance gate; it is not registered, since DLFD_TRACKING=off"
    role = "the candidate: `dlfd models promote`" if report["candidate"] else "an earlier candidate has a better NoMUS"
    return f"{name} is version {version} of {model_name} ({role})"


if __name__ == "__main__":
    run(main)
