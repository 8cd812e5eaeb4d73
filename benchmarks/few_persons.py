"""What is left of one person, or of five, who ask alone? Unlearned by themselves, ranked among those of validation.

Persons are drawn from forget; the others of it join retain, since nobody else has asked. `mean rank` is the mean over
persons of the share of validation persons whom they outscore in the attack that the oracle calibrates, by which the
gate goes: near 1 they are remembered, near 0 over-forgotten, and of K who were never seen it is .5 ± .29 / √K. Beside
DLFD stands what it would do if the mean over few pictures weighed as much as that over a full batch.
Neither `test` nor `unseen` is loaded. Run after `dvc repro train`, in the checkout:

    python -m benchmarks.few_persons
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
import typer
from rich.progress import track

from benchmarks import measure
from benchmarks.trials import Judge
from pipeline import config
from pipeline.data.batches import Faces
from pipeline.evaluation import likelihood, persons
from pipeline.evaluation.samples import per_sample
from pipeline.learning.models import FaceClassifier
from pipeline.unlearning import base

WHOLE = "dlfd, m whatever their number"
TRIED = ("dlfd", WHOLE, "finetune")
Row = dict[str, Any]


def main(
    persons_at_once: str = typer.Option("1,5", "--persons", help="how many ask at once, separated by commas"),
    draws: measure.Count = 8,
) -> None:
    """A row for each form and number of persons, means over the draws."""
    judge = Judge()
    units = judge.oracle.loc[judge.oracle["subset"] == "forget", "unit"].unique()
    groups = [list(drawn(units, int(count), draws)) for count in persons_at_once.split(",")]
    tried = [(seed, who) for group in groups for seed, who in enumerate(group)]
    rows = [row for seed, who in track(tried, "requests") for row in request(judge, who, seed)]
    setting = f"{measure.data_set()}, {judge.params.task}, protocol {judge.params.split.protocol}, beside validation"
    name = measure.of_data("few_persons", measure.data_set())
    measure.report(name, judge.device, told(rows), repeats=draws, setting=setting, draws=rows)


def drawn(units: np.ndarray, count: int, draws: int) -> Iterable[np.ndarray]:
    """Persons [count] who ask together, again and again, the same in every run.

    Raises:
        BenchmarkError: forget has fewer.
    """
    if count > len(units):
        raise measure.BenchmarkError(f"--persons {count}: forget has {len(units)}; ask for fewer")
    generator = np.random.default_rng(count)
    return (generator.choice(units, count, replace=False) for _ in range(draws))


def request(judge: Judge, who: np.ndarray, seed: int) -> list[Row]:
    """The original, and each of TRIED after these persons alone were unlearned."""
    faces = asked(judge.faces, _pictures(judge.oracle, who))
    start = judge.models["original"]
    rows = [{"tried": "original", **figures(judge, start, who)}]
    for tried in TRIED:
        method, run = tried.split(",")[0], base.Run(seed=seed, title=f"{tried}, {len(who)} persons")
        settings: Any = config.method_settings(method)
        if tried == WHOLE:
            share = min(1.0, len(faces["forget"]) / settings.batch_size)
            settings = replace(settings, matching_weight=settings.matching_weight / share)
        model = base.unlearn(base.get(method), start, faces, settings, run)
        rows.append({"tried": tried, **figures(judge, model, who), "seconds": run.seconds})
    return [{"persons": len(who), "pictures": len(faces["forget"]), "draw": seed, **row} for row in rows]


def asked(faces: dict[str, Faces], pictures: set[int]) -> dict[str, Faces]:
    """The subsets where only these pictures of forget are to be forgotten, and the others are retained."""
    chosen = torch.tensor([row in pictures for row in faces["forget"].rows.tolist()])
    theirs, others = (faces["forget"].take(of.nonzero().flatten()) for of in (chosen, ~chosen))
    return {**faces, "forget": theirs, "retain": faces["retain"].joined(others)}


def figures(judge: Judge, model: FaceClassifier, who: np.ndarray) -> Row:
    """How these persons of forget stand among those of validation, and the accuracy there."""
    table = per_sample(model, judge.judged, judge.splits).table
    unseen = (table["subset"] == "validation").to_numpy()
    kept = unseen | table["image"].isin(_pictures(judge.oracle, who)).to_numpy()
    own, out, fresh = table[kept], judge.oracle[kept], unseen[kept]
    score = likelihood.calibrated(own["margin"].to_numpy(), out["margin"].to_numpy(), fresh, own["label"].to_numpy())
    units = own["unit"].to_numpy()
    ranking = persons.rank(score[~fresh], units[~fresh], score[fresh], units[fresh]).table
    return {"mean rank": float(1 - ranking["rank"].mean()), "accuracy": float(own.loc[fresh, "correct"].mean())}


def told(rows: list[Row]) -> list[Row]:
    """Mean and standard error over the draws, and the lowest and highest."""
    found = []
    for (persons_, tried), of in pd.DataFrame(rows).groupby(["persons", "tried"], sort=False):
        ranks = of["mean rank"]
        found.append(
            {
                "persons": persons_,
                "tried": tried,
                "mean rank": float(ranks.mean()),
                "standard error": float(ranks.std() / len(ranks) ** 0.5),
                "lowest": float(ranks.min()),
                "highest": float(ranks.max()),
                "accuracy": float(of["accuracy"].mean()),
                "seconds": float(of["seconds"].median()) if of["seconds"].notna().all() else "",
            }
        )
    return found


def _pictures(table: pd.DataFrame, who: np.ndarray) -> set[int]:
    return set(table.loc[(table["subset"] == "forget") & table["unit"].isin(who), "image"])


if __name__ == "__main__":
    measure.program(main)
