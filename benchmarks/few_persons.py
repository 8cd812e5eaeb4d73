"""What is left of one person, or of five, who ask alone? Unlearned by themselves, ranked among those of validation.

Persons are drawn from forget; the others of it join retain, since nobody else has asked. Their rank is the share of
the persons of validation whom they outscore in the attack that the oracle calibrates, ties half: 1 is remembered, 0
over-forgotten, and K persons who were never seen have .5 ± .29 / √K on average. The oracle is that of all of forget,
and has seen none of them. (The gate goes by the same attack, beside validation persons of the same labels only.)
Validation is also what DLFD lifts losses to: benchmarks/fair_validation.py asks what that is worth.

Beside DLFD stand two controls: no losses lifted at all, and lifted with the plain mean over a batch, in which few
pictures weigh as much as a full batch. Neither `test` nor `unseen` is loaded. Run after `dvc repro train`:

    python -m benchmarks.few_persons
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
import typer

from benchmarks import measure
from benchmarks.trials import Judge
from pipeline import config
from pipeline.data.batches import Faces
from pipeline.evaluation import likelihood, persons
from pipeline.evaluation.samples import per_sample
from pipeline.learning.models import FaceClassifier
from pipeline.unlearning import base

UNLIFTED, PLAIN = "dlfd, nothing lifted", "dlfd, a plain mean"
TRIED = ("dlfd", UNLIFTED, PLAIN, "finetune")
Row = dict[str, Any]


def main(
    persons_at_once: str = typer.Option("1,5", "--persons", help="how many ask at once, separated by commas"),
    draws: measure.Count = 6,
) -> None:
    """A row for each form and number of persons, over the draws."""
    counts, judge = measure.numbers(persons_at_once, "--persons", least=1), Judge()
    units = judge.oracle.loc[judge.oracle["subset"] == "forget", "unit"].unique()
    groups = [drawn(units, count, draws) for count in counts]
    rows = [row for group in groups for seed, who in enumerate(group) for row in request(judge, who, seed)]
    setting = f"{measure.data_set()}, {judge.params.task}, protocol {judge.params.split.protocol}, beside validation"
    name = measure.of_data("few_persons", measure.data_set())
    measure.report(name, judge.device, told(rows), repeats=draws, setting=setting)


def drawn(units: np.ndarray, count: int, draws: int) -> np.ndarray:
    """Persons [draws, count] who ask together, nobody in two draws, the same in every run.

    Raises:
        BenchmarkError: forget has fewer.
    """
    if count * draws > len(units):
        raise measure.BenchmarkError(
            f"{draws} draws of {count} persons: forget has {len(units)}; lower --persons or --draws"
        )
    return np.random.default_rng(count).permutation(units)[: count * draws].reshape(draws, count)


def request(judge: Judge, who: np.ndarray, seed: int) -> list[Row]:
    """The original, and each of TRIED after these persons alone were unlearned."""
    faces = asked(judge.faces, _pictures(judge.oracle, who))
    start = judge.models["original"]
    rows = [{"tried": "original", "status": "finished", **figures(judge, start, who)}]
    for tried in TRIED:
        name = tried.split(",")[0]
        run = base.Run(seed=seed, title=f"{tried}, {len(who)} persons, draw {seed}")
        settings = config.method_settings(name, changed=changed(tried, len(faces["forget"])))
        model = base.unlearn(base.get(name), start, faces, settings, run)
        rows.append({"tried": tried, "status": run.status, **figures(judge, model, who)})
    return [{"persons": len(who), "draw": seed, **row} for row in rows]


def changed(tried: str, pictures: int) -> dict[str, Any]:
    """Knobs of a control, for so many pictures to forget."""
    own: Any = config.method_settings("dlfd")
    share = min(pictures, own.batch_size) / own.batch_size
    return {UNLIFTED: {"matching_weight": 0.0}, PLAIN: {"matching_weight": own.matching_weight / share}}.get(tried, {})


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
    above, below = (
        persons.rank(sign * score[~fresh], units[~fresh], sign * score[fresh], units[fresh]).table["rank"].mean()
        for sign in (1, -1)
    )
    return {"mean rank": float(1 + below - above) / 2, "accuracy": float(own.loc[fresh, "correct"].mean())}


def told(rows: list[Row]) -> list[Row]:
    """Mean and standard error of the rank over the draws, all of them, and what else there is to tell."""
    found = []
    for (count, tried), of in pd.DataFrame(rows).groupby(["persons", "tried"], sort=False):
        ranks = of["mean rank"]
        row = {
            "persons": count,
            "tried": tried,
            "mean rank": float(ranks.mean()),
            "standard error": float(ranks.std() / len(ranks) ** 0.5) if len(ranks) > 1 else None,
        }
        row |= {"of each draw": " ".join(f"{rank:.2f}" for rank in ranks), "accuracy": float(of["accuracy"].mean())}
        found.append({**row, "diverged": int((of["status"] == "diverged").sum())})
    return found


def _pictures(table: pd.DataFrame, who: np.ndarray) -> set[int]:
    return set(table.loc[(table["subset"] == "forget") & table["unit"].isin(who), "image"])


if __name__ == "__main__":
    measure.program(main)
