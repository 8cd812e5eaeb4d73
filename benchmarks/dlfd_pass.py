"""One whole DLFD pass, its checks included, as a share of retraining from scratch at the same settings.

Retraining is one epoch, measured, times its epochs. The pictures are noise, so no check ever stops the pushing: every
batch that may be pushed is pushed, which is the dearest that a pass can be.

    python -m benchmarks.dlfd_pass
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import typer

from benchmarks import measure
from benchmarks.inputs import classifier, noise_faces
from pipeline import config
from pipeline.settings import TrainSettings
from pipeline.training import fit
from pipeline.unlearning import base
from pipeline.unlearning.dlfd import Settings


@dataclass(frozen=True)
class Case:
    """Settings under which a pass is set against retraining.

    Attributes:
        epochs: of retraining.
        goal: greatest share.
    """

    name: str
    settings: Settings
    batch_size: int
    epochs: int
    image_size: int
    goal: float


PAPER = Settings(variant="paper", batch_size=32, steps=15, forgetting_threshold=0.0, check_every=20)


def cases() -> tuple[Case, ...]:
    """The paper's, and what params.yaml says."""
    params, settings = config.load(), config.method_settings("dlfd")
    own = Case(
        f"params.yaml: {settings.steps} steps, {settings.epochs} passes, {params.train.epochs} epochs",
        replace(settings, forgetting_threshold=0.0),
        params.train.batch_size,
        params.train.epochs,
        params.data.image_size,
        0.25,
    )
    return Case("paper: 15 steps, 1 pass, batch 32, 100 epochs", PAPER, 32, 100, 64, 0.10), own


def main(repeats: int = 3, retain: int = 1280, forget: int = 384) -> None:
    """Seconds of a pass and of an epoch, and the share."""
    device, rows = measure.device(), []
    for case in cases():
        faces = noise_faces({"retain": retain, "forget": forget, "validation": forget}, case.image_size, device)
        model, learner = classifier(device), classifier(device)
        training = TrainSettings(epochs=1, batch_size=case.batch_size)
        seconds = measure.interleaved(
            {
                "pass": lambda model=model, faces=faces, case=case: base.unlearn(  # type: ignore[misc]
                    base.get("dlfd"), model, faces, case.settings, base.Run(seed=0)
                ),
                "epoch": partial(fit, learner, faces["retain"], training, seed=0),
            },
            repeats,
            device,
        )
        rows.append(
            {
                "case": case.name,
                "pass, s": measure.summary(seconds["pass"]),
                "epoch, s": measure.summary(seconds["epoch"]),
                "share of retraining": measure.summary(
                    [one / (case.epochs * epoch) for one, epoch in zip(seconds["pass"], seconds["epoch"], strict=True)]
                ),
                "goal": case.goal,
            }
        )
    measure.report(
        "dlfd_pass", device, rows, setting=f"ResNet18, {retain} retain and {forget} forget pictures of noise"
    )


if __name__ == "__main__":
    typer.run(main)
