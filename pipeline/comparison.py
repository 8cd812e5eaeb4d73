"""All models in one table, each beside the retrained oracle."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

# what the table shows, in this order; the rest of metrics/<name>.json is a click away in MLflow
SHOWN = (
    "status",
    "test_accuracy",
    "retain_accuracy",
    "forget_accuracy",
    "unseen_accuracy",
    "mia_accuracy",
    "mia_interval_low",
    "mia_interval_high",
    "mia_auc",
    "forgetting_score",
    "nomus",
    "forget_loss",
    "unseen_loss",
    "verdict",
    "strongest_attack",
    "strongest_auc",
    "strongest_auc_low",
    "strongest_auc_high",
    "loss_auc_minus_oracle",
    "rmia_auc",
    "js_forget",
    "persons_detected",
    "persons_audited",
    "probe_accuracy",
    "seconds",
)
EARLIER = (  # of persons forgotten in earlier rounds
    "forgotten_verdict",
    "forgotten_auc",
    "forgotten_auc_low",
    "forgotten_auc_high",
    "forgotten_persons",
    "forgotten_persons_detected",
)
WHERE_ASKED = ("relearn_steps", "relearn_reached", *EARLIER)
GAPS = ("test_accuracy", "retain_accuracy", "forget_accuracy", "mia_accuracy")


def oracle_gap(own: Mapping[str, Any], oracle: Mapping[str, Any]) -> float:
    """Mean of |figure − the oracle's| over GAPS, the "average gap" of Fan et al. (SalUn, ICLR 2024); 0 is the oracle.

    Of those that are numbers: with few persons MIA is none.
    """
    return float(np.nanmean([abs(float(own[name]) - float(oracle[name])) for name in GAPS]))


def compare(metrics: dict[str, dict[str, float | str]]) -> pd.DataFrame:
    """One row a model, in the order given.

    Beside the figures of SHOWN:
        oracle_gap: as the function of that name tells.
        mia_minus_oracle: attack accuracy minus the oracle's; above 0 the model remembers more than one that never
            saw the forget set.
        probe_drop: fall of the linear probe's accuracy on never-seen persons against the original model: what the
            features no longer tell of the task.
        relearn_ratio: steps of relearning as a share of the oracle's; NaN where either did not get there.
        share_of_retraining: seconds as a share of training the oracle from scratch.

    Args:
        metrics: name -> figures, with `retrained` among the names.
    """
    table = pd.DataFrame.from_dict(metrics, orient="index")
    oracle = metrics["retrained"]
    shown = table[[*SHOWN, *(name for name in WHERE_ASKED if name in table)]].copy()
    shown["oracle_gap"] = [oracle_gap(figures, oracle) for figures in metrics.values()]
    shown["mia_minus_oracle"] = table["mia_accuracy"].astype(float) - float(oracle["mia_accuracy"])
    probe = table["probe_accuracy"].astype(float)
    shown["probe_drop"] = probe["original"] - probe
    if "relearn_steps" in table:
        steps = table["relearn_steps"].astype(float)
        reached = table["relearn_reached"].astype(bool)
        ratio = steps / max(steps["retrained"], 1)
        shown["relearn_ratio"] = ratio.where(reached & reached["retrained"])
    seconds = table["seconds"].astype(float)
    shown["share_of_retraining"] = seconds / seconds["retrained"]
    shown.index.name = "model"
    return shown.reset_index()


def render(table: pd.DataFrame, accepted: str | None = None) -> str:
    """The table for a terminal of 100 columns; figures for people, not all of them.

    Args:
        table: of `compare`.
        accepted: the method that the gate takes, which is marked; None where it takes none.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    grid = Table(
        title="Models beside the retrained oracle",
        caption=(_ACCEPTED if accepted else _REFUSED) + _CAPTION,
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    columns = (
        "model",
        "test\naccuracy",
        "verdict",
        "deciding attack\nAUC [95 %]",
        "MIA",
        "NoMUS",
        "gap",
        "persons\nfound",
        "cost",
    )
    for column in columns:
        grid.add_column(column, justify="left" if column == "model" else "right", no_wrap=True)
    for row in table.to_dict("records"):
        mark = "" if row["status"] == "finished" else f"\n{row['status']}"
        grid.add_row(
            f"{row['model']} *" if row["model"] == accepted else row["model"],
            _three(row["test_accuracy"]),
            f"{row['verdict']}{mark}",
            f"{row['strongest_attack']} {_two(row['strongest_auc'])} "
            f"[{_two(row['strongest_auc_low'])}, {_two(row['strongest_auc_high'])}]",
            _three(row["mia_accuracy"]),
            _three(row["nomus"]),
            _three(row["oracle_gap"]),
            f"{row['persons_detected']:.0f}/{row['persons_audited']:.0f}",
            f"{row['share_of_retraining']:.0%}",
        )
    text = io.StringIO()
    console = Console(width=100, file=text, highlight=False)
    if console.measure(grid, options=console.options.update(width=200)).maximum > console.width:
        grid.padding = 0
    console.print(grid)
    return text.getvalue()


def _three(figure: float) -> str:
    return "–" if np.isnan(figure) else f"{figure:.3f}"


def _two(share: float) -> str:
    """Two places without the leading zero."""
    return f"{share:.2f}".removeprefix("0")


_ACCEPTED = "*: accepted by the gate (`register:` in params.yaml), the best of those that pass.\n"
_REFUSED = "No method passes the acceptance gate.\n"
_CAPTION = (
    "Verdict: attacks calibrated by the oracle. AUC, and MIA (the paper's): .5 is a guess.\n"
    "Persons found: at 1 % false alarms. Gap: to the oracle, lower is better; NoMUS: higher.\n"
    "Cost: seconds as a share of retraining."
)
