"""How far apart are two models of which neither ever saw the forgotten? Further oracles, judged as methods are.

A perfect unlearner gives one of them, so their gap, AUC and NoMUS beside the first oracle are what no method can be
told from. Run in a checkout after `dvc exp run -S 'audit.oracle_seeds=[1,2]'`:

    python -m benchmarks.oracle_noise
"""

from __future__ import annotations

from typing import Any

from benchmarks import measure
from pipeline import config, layout
from pipeline.comparison import oracle_gap
from pipeline.config import Params
from pipeline.data import splits as split_table
from pipeline.evaluation.audit import Yardstick, audit
from pipeline.evaluation.metrics import summarise
from pipeline.jobs import yardsticks

SHOWN = (
    "test_accuracy",
    "mia_accuracy",
    "nomus",
    "strongest_auc",
    "strongest_auc_low",
    "strongest_auc_high",
    "js_forget",
    "verdict",
)


def main() -> None:
    """A row a further oracle.

    Raises:
        BenchmarkError: the checkout has none.
    """
    params, splits = config.load(), split_table.read(layout.SPLITS)
    rows = judged(yardsticks.load(params.audit, splits), params)
    if not rows:
        raise measure.BenchmarkError("no further oracles here: dvc exp run -S 'audit.oracle_seeds=[1,2]' trains two")
    data = measure.data_set()
    trained = f"seed {params.seed}, {params.train.epochs} epochs"
    setting = f"{data}, {params.task}, protocol {params.split.protocol}, {trained}"
    measure.report(measure.of_data("oracle_noise", data), measure.device(), rows, repeats=len(rows), setting=setting)


def judged(others: list[Yardstick], params: Params) -> list[dict[str, Any]]:
    """Figures of each further oracle beside the first."""
    first, *further = (one for one in others if one.kind == "oracle")
    wanted = summarise(first.results.table, params.evaluate, params.seed)
    rows = []
    for number, one in enumerate(further, start=1):
        own: dict[str, Any] = summarise(one.results.table, params.evaluate, params.seed)
        own |= audit(one.results, [first], params.audit, params.evaluate, params.seed).figures
        rows.append({"oracle": number, **{name: own[name] for name in SHOWN}, "gap": oracle_gap(own, wanted)})
    return rows


if __name__ == "__main__":
    measure.program(main)
