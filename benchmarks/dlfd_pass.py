"""One whole DLFD pass, its checks included, as a share of retraining from scratch at the same settings.

Retraining is one epoch, measured, times its epochs. The pass is the dearest there can be: every batch that may be
pushed is pushed, which is made sure of. The model has learned forget, the labels of validation are wrong, and it does
not move (`inputs`), so that each check is computed and finds that forget is remembered.

    python -m benchmarks.dlfd_pass
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import typer

from benchmarks import inputs, measure
from pipeline import config
from pipeline.learning.training import fit
from pipeline.settings import TrainSettings
from pipeline.unlearning import base
from pipeline.unlearning.dlfd import Settings


@dataclass(frozen=True)
class Case:
    """Settings under which a pass is set against retraining.

    Attributes:
        batch_size, epochs: of retraining.
        retain, forget: pictures; validation has as many as forget. `retain` fills whole batches, and as many of them as
            lie between checks.
        goal: greatest share.
    """

    name: str
    settings: Settings
    batch_size: int
    epochs: int
    image_size: int
    retain: int
    forget: int
    goal: float


# How often is looked at is not in the paper: as many pictures lie between two checks as in the default, 640.
AS_PUBLISHED = Settings(variant="paper", batch_size=32, steps=15, check_every=20)


def cases() -> tuple[Case, ...]:
    """The paper's, and what params.yaml says."""
    paper = Case("paper: 15 steps, 1 pass, batch 32, 100 epochs, 128 px", AS_PUBLISHED, 32, 100, 128, 640, 500, 0.10)
    params, own, where = shipped()
    told = f"{own.steps} steps, {own.epochs} passes, batch {own.batch_size}, {params.train.epochs} epochs"
    size = params.data.image_size
    name = f"{where}: {told}, {size} px"
    return paper, Case(name, own, params.train.batch_size, params.train.epochs, size, 1280, 500, 0.25)


def shipped() -> tuple[config.Params, Settings, str]:
    """Parameters, DLFD's settings and where they are from: the code, where nothing is installed to read params.yaml."""
    try:
        return config.load(), config.method_settings("dlfd"), "params.yaml"
    except ModuleNotFoundError:
        return config.Params(), Settings(), "defaults of the code"


def main(repeats: measure.Count = 3) -> None:
    """Seconds of a pass and of an epoch, and the share."""
    device, transport = measure.device(), inputs.exact_transport()
    rows = []
    for case in cases():
        rows.append(measured(case, device, repeats))
        typer.echo(f"{case.name}: {rows[-1]['share of retraining']['median']:.1%}", err=True)
    setting = f"ResNet18, coloured noise; transport plans: {transport}"
    measure.report("dlfd_pass", device, rows, repeats=repeats, setting=setting)


def measured(case: Case, device: torch.device, repeats: int) -> dict[str, Any]:
    """The row of a case.

    Raises:
        BenchmarkError: a batch that may be pushed was not.
    """
    counts = {"retain": case.retain, "forget": case.forget, "validation": case.forget}
    faces = inputs.noise_faces(counts, case.image_size, device)
    faces["validation"] = inputs.mistaken(faces["validation"])
    training = TrainSettings(epochs=1, batch_size=case.batch_size)
    model, learner = inputs.classifier(device), inputs.classifier(device)
    fit(model, faces["retain"], training, seed=0, title="warming up")
    inputs.teach(model, faces["retain"])
    runs: list[base.Run] = []
    functions: dict[str, Callable[[], object]] = {
        "pass": lambda: runs.append(dearest(model, faces, case.settings)),
        "epoch": partial(fit, learner, faces["retain"], training, seed=0),
    }
    seconds = measure.interleaved(functions, repeats, device, warm_up=0)  # training above was that
    return {
        "case": case.name,
        "pictures": f"{case.retain} retain, {case.forget} forget",
        "pass, s": measure.summary(seconds["pass"]),
        "epoch, s": measure.summary(seconds["epoch"]),
        "share of retraining": measure.summary(
            [one / (case.epochs * epoch) for one, epoch in zip(seconds["pass"], seconds["epoch"], strict=True)]
        ),
        "batches": len(runs[0].history),
        "pushed": pushed(runs[0]),
        "checks": checks(runs[0]),
        "goal": case.goal,
    }


def dearest(model: inputs.FaceClassifier, faces: dict[str, inputs.Faces], settings: Settings) -> base.Run:
    """Run a pass in which no check can end the pushing, and see that none did.

    Args:
        model: that has learned `forget`; it stays as it is.
        faces: labels of `validation` are wrong.

    Raises:
        BenchmarkError: a batch that may be pushed was not, or nothing was checked.
    """
    run = base.Run(seed=0, title="DLFD pass")
    never = replace(settings, forgetting_threshold=0.0, learning_rate=inputs.AT_REST)
    base.unlearn(base.get("dlfd"), model, faces, never, run)
    may = sum(row["step"] < len(run.history) * (1 - settings.recovery_share) for row in run.history)
    if run.status != "finished" or pushed(run) != may or not checks(run):
        told = f"{run.status}, {run.note}"
        raise measure.BenchmarkError(f"{pushed(run)} of {may} batches were pushed with {checks(run)} checks: {told}")
    return run


def pushed(run: base.Run) -> int:
    """Batches."""
    return sum(row["distancing"] == 1 for row in run.history)


def checks(run: base.Run) -> int:
    """Of dynamic forgetting."""
    return sum("forgetting_score" in row for row in run.history)


if __name__ == "__main__":
    measure.program(main)
