"""Names of the subsets of a split. Apart from what splits, so that another count of leaks retrains nothing."""

from __future__ import annotations

PUBLISHED = ("forget", "retain", "validation", "test", "unseen")  # what a benchmark can have of its own
SUBSETS = (*PUBLISHED, "forgotten")  # forgotten: in earlier rounds; nobody learns or unlearns them, all audits look
OPTIONAL = ("test", "forgotten")
HELD_OUT = ("test", "unseen")  # neither is ever trained on or selected with: one side
