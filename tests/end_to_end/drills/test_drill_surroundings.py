"""Another clock and another locale in every stage: a round ends as if it had always been here and now."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import states
from checkouts import Checkout
from drill_round import DVC_REPRO, PROMOTE, Command, Undisturbed

pytestmark = [pytest.mark.end_to_end, pytest.mark.drill]
LOCALES: tuple[dict[str, str], ...] = (
    {"LC_ALL": "C"},
    {"LC_ALL": "POSIX", "LANG": "POSIX"},
    {"LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu"},
    {"LC_ALL": "tr_TR.UTF-8", "TZ": "America/St_Johns"},  # where it is not installed, Python falls back to C
    {"PYTHONIOENCODING": "latin-1", "TZ": "Pacific/Apia"},
    {"PYTHONIOENCODING": "ascii", "TZ": "UTC"},
    {"LANG": "de_DE.ISO-8859-1", "LC_NUMERIC": "de_DE.ISO-8859-1"},
)
DAYS = 400


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [0, 1])
def test_clocks_and_locales_that_change_between_stages(
    asked: Checkout, undisturbed: Undisturbed, tmp_path: Path, tell: Callable[[str], None], seed: int
) -> None:
    checkout, chance = asked.copy(tmp_path / "checkout"), random.Random(seed)
    steps: list[Command] = [*((*DVC_REPRO, stage) for stage in undisturbed.stages), PROMOTE]
    shifts = 0
    for step in steps:
        clock: Command = ()
        if shutil.which("faketime"):
            clock = ("faketime", "-f", f"{chance.randint(-DAYS, DAYS):+d}d")
            shifts += 1
        surroundings = {"PYTHONPATH": str(checkout.root), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        checkout.run(*clock, *step, **surroundings, **chance.choice(LOCALES))
    assert not states.of(checkout).differences(undisturbed.state)
    clocks = f"{shifts} clocks up to {DAYS} days away" if shifts else "no other clock (`apt-get install faketime`)"
    tell(
        f"surroundings: {len(steps)} steps with {clocks}, each with one of {len(LOCALES)} locales; the end was the same"
    )
