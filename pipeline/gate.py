"""The acceptance gate: which unlearned model may go into service.

It reads figures of the validation subset alone. The test and unseen subsets judge the choice afterwards; a choice made
on them would flatter itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.settings import RegisterSettings

ACCURACY, FORGETTING, NOMUS = "validation_accuracy", "validation_forgetting_score", "validation_nomus"
FIGURES = (ACCURACY, FORGETTING, NOMUS)
ROUNDING = 1e-9  # 0.8 - 0.7 is not more than 0.1


@dataclass(frozen=True)
class Decision:
    """What the gate says.

    Attributes:
        accepted: the method with the greatest validation NoMUS of those that pass (the first by name of equals);
            None when none passes.
        reasons: why each method is refused; empty for one that passes.
    """

    accepted: str | None
    reasons: dict[str, list[str]]


def decide(
    original: Mapping[str, Any], methods: Mapping[str, Mapping[str, Any]], settings: RegisterSettings
) -> Decision:
    """Judge every method and choose the best that passes.

    Args:
        original: metrics of the original model, as metrics/original.json has them.
        methods: method -> its metrics, with its `status`.
    """
    reasons = {name: _reasons(original, metrics, settings) for name, metrics in methods.items()}
    passing = sorted(name for name, problems in reasons.items() if not problems)
    return Decision(max(passing, key=lambda name: methods[name][NOMUS], default=None), reasons)


def _reasons(original: Mapping[str, Any], metrics: Mapping[str, Any], settings: RegisterSettings) -> list[str]:
    """Every comparison is written so that a figure which is no number (NaN) refuses."""
    missing = [key for key in FIGURES if key not in metrics] + [ACCURACY] * (ACCURACY not in original)
    if missing:
        return [f"its metrics lack {', '.join(missing)}: run `dvc repro` to evaluate it anew"]
    reasons = []
    if (status := metrics.get("status")) == "diverged":
        reasons.append("it diverged")
    elif status not in ("finished", "stopped early"):
        reasons.append(f"its status is {status!r}, neither 'finished' nor 'stopped early'")
    if not metrics[NOMUS] >= settings.min_nomus - ROUNDING:
        reasons.append(f"validation NoMUS {metrics[NOMUS]:.4g} is below min_nomus {settings.min_nomus:g}")
    if not metrics[FORGETTING] <= settings.max_forgetting_score + ROUNDING:
        limit = f"max_forgetting_score {settings.max_forgetting_score:g}"
        reasons.append(f"validation forgetting score {metrics[FORGETTING]:.4g} is above {limit}")
    drop = original[ACCURACY] - metrics[ACCURACY]
    if not drop <= settings.max_accuracy_drop + ROUNDING:
        fall = f"{original[ACCURACY]:.4g} to {metrics[ACCURACY]:.4g}"
        limit = f"max_accuracy_drop {settings.max_accuracy_drop:g}"
        reasons.append(f"validation accuracy fell by {drop:.4g} ({fall}), more than {limit}")
    return reasons
