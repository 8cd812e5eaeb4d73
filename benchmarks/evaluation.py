"""What the evaluation of one model costs: the pass over all subsets, and everything that is computed from it.

Run after `dvc repro`, in the checkout:  python -m benchmarks.evaluation
"""

from __future__ import annotations

import statistics

from benchmarks import measure
from pipeline import config, layout
from pipeline.data import splits as split_table
from pipeline.data import subsets
from pipeline.data.subset_names import SUBSETS
from pipeline.evaluation.judgement import judge
from pipeline.evaluation.samples import per_sample
from pipeline.jobs import yardsticks
from pipeline.learning import models

LIMIT = 15.0  # seconds on 2 cores that everything beyond the pass may take


def main(model: str = "dlfd", repeats: measure.Count = 5) -> None:
    """Median and range of both parts."""
    params, splits = config.load(), split_table.read(layout.SPLITS)
    device = models.select_device(params.device)
    found = models.load(layout.MODELS / model, device)
    faces = subsets.load(layout.FACES, splits, device, task=params.task, only=SUBSETS)
    results, others = per_sample(found, faces, splits), yardsticks.load(params.audit, splits)
    parts = {
        "pass": lambda: per_sample(found, faces, splits),
        "audits": lambda: judge(results, others, params.audit, params.evaluate, params.seed),
    }
    seconds = measure.interleaved(parts, repeats, device)
    rate = len(results.table) / statistics.median(seconds["pass"])
    rows = [{"part": name, "s": measure.summary(taken)} for name, taken in seconds.items()]
    measure.report(
        "evaluation",
        device,
        rows,
        repeats=repeats,
        setting=f"{model}, {len(results.table)} pictures, bootstrap of {params.evaluate.bootstrap}",
        images_per_second=round(rate),
        goal=f"audits in at most {LIMIT:.0f} s beyond the pass",
    )


if __name__ == "__main__":
    measure.program(main)
