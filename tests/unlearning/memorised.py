"""Pictures that the fixture `model` has memorised, and settings that take no time."""

from __future__ import annotations

from typing import Any

from helpers import make_subsets

SUBSETS = make_subsets()
RETAIN, FORGET, VALIDATION = SUBSETS["retain"], SUBSETS["forget"], SUBSETS["validation"]
QUICK: dict[str, Any] = {"batch_size": 16, "precision": "fp32", "augment": False}
