"""Made-up figures of a model, as metrics/<name>.json has them."""

from __future__ import annotations

from typing import Any

from pipeline import comparison


def figures(**own: Any) -> dict[str, Any]:
    """Of a model that finished; `own` differ."""
    told: dict[str, Any] = dict.fromkeys(comparison.SHOWN, 0.5)
    told |= {"verdict": "forgotten", "strongest_attack": "rmia", "persons_detected": 2.0, "persons_audited": 210.0}
    return {**told, "mia_interval_low": 0.4, "mia_interval_high": 0.6, "status": "finished", "seconds": 10.0, **own}
