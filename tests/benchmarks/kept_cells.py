"""Cells of a table with known figures, and the table as `dlfd table --name` keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd


def cell(model: str, seed: int, accuracy: float, nomus: float, **figures: Any) -> dict[str, Any]:
    return {
        "model": model,
        "variant": None,
        "as_published": True,
        "seed": seed,
        "test_accuracy": accuracy,
        "retain_accuracy": accuracy,
        "forget_accuracy": accuracy,
        "mia_accuracy": 0.5,
        "nomus": nomus,
        "forgetting_score": 0.0,
        "mia_auc": 0.5,
        "strongest_auc": 0.5,
        "strongest_auc_low": 0.47,
        "strongest_auc_high": 0.53,
        "js_forget": 0.1,
        "oracle_gap": 0.1,
        "persons_detected": 0,
        "verdict": "forgotten",
        "share_of_retraining": 0.1,
        "seconds": 10.0,
        **figures,
    }


def write(rows: list[dict[str, Any]], data: str = "synthetic") -> None:
    Path("results").mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv("results/faces-cells.csv", index=False)
    title = f"# Table 1: age, data.dvc of {data}, `dlfd table 1 --seeds 0,1`"
    Path("results/faces.md").write_text(f"{title}\n\nMachine: one core.\n")


ROWS = [
    cell("original", 0, 0.60, 0.60, verdict="remembers"),
    cell("original", 1, 0.70, 0.70, verdict="remembers"),
    cell("finetune", 0, 0.58, 0.70),
    cell("finetune", 1, 0.68, 0.80),
    cell("dlfd", 0, 0.59, 0.80, strongest_auc=0.56, share_of_retraining=0.05),
    cell("dlfd", 1, 0.69, 0.90, strongest_auc=0.44, share_of_retraining=0.05, verdict="remembers"),
]
