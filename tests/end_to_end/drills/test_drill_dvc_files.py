"""Files of DVC's own that a kill cut off: docs/troubleshooting.md says what to do, and nothing is trained again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import states
from checkouts import Checkout
from drill_round import REMEDIES

pytestmark = pytest.mark.end_to_end
SHOWN = {"compare", "register"}  # the page is made and the registry asked again, of the same results


@pytest.mark.parametrize("share", [0, *(pytest.param(share, marks=pytest.mark.drill) for share in (0.5, 0.9))])
def test_a_lock_that_was_cut_off_costs_nothing_but_a_command(
    share: float, copied: Callable[..., Checkout], reproduced: Checkout
) -> None:
    checkout = copied()
    lock = checkout.root / "dvc.lock"
    whole = lock.read_bytes()
    lock.write_bytes(whole[: int(share * len(whole))])
    first = checkout.dvc("repro", check=False)
    assert first.code or share, "DVC takes an empty one for damaged; of one that was cut it may read what is left"
    if first.code:
        (said,) = [one for one in REMEDIES if one in first.err]
        checkout.run(*REMEDIES[said])
        again = checkout.dvc("repro")
    assert set((again if first.code else first).stages) <= SHOWN
    assert not states.of(checkout).differences(states.of(reproduced))
