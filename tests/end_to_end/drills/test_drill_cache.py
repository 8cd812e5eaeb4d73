"""Objects of DVC's cache that the disk has damaged, of which DVC itself notices nothing."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import states
from checkouts import Checkout
from drill_round import DVC_REPRO, Undisturbed

from stages.dvc_tools import cache

pytestmark = [pytest.mark.end_to_end, pytest.mark.drill]
ROUNDS, EACH = 3, 6
HARM: dict[str, Callable[[bytearray], bytes]] = {
    "flipped": lambda data: bytes([*data[: len(data) // 2], data[len(data) // 2] ^ 0x40, *data[len(data) // 2 + 1 :]]),
    "cut": lambda data: bytes(data[: len(data) // 2]),
    "emptied": lambda data: b"",
}


@pytest.mark.timeout(3600)
def test_damaged_objects(undisturbed: Undisturbed, tmp_path: Path, tell: Callable[[str], None]) -> None:
    """While the workspace is sound, and after they came back into it."""
    chance, kinds = random.Random(0), list(HARM)
    for number in range(ROUNDS):
        checkout = undisturbed.checkout.copy(tmp_path / f"checkout{number}")
        found = cache.objects(checkout.root / ".dvc/cache")
        for path in chance.sample(found, EACH):
            path.chmod(0o644)
            path.write_bytes(HARM[chance.choice(kinds)](bytearray(path.read_bytes())))
            path.chmod(0o444)  # as DVC has it
        if number:  # what an operator does who lost the workspace
            shutil.rmtree(checkout.root / "workspace")
            checkout.dvc("checkout", "--force", check=False)
        refused = verify(checkout, check=False)
        assert "objects are damaged" in refused
        verify(checkout, "--yes")
        checkout.run(*DVC_REPRO)
        assert "all are what they were" in verify(checkout)
        assert not states.of(checkout).differences(undisturbed.state)
        shutil.rmtree(checkout.root)
    tell(f"cache: {ROUNDS * EACH} damaged objects ({', '.join(HARM)}) found and made again; the end was the same")


def verify(checkout: Checkout, *options: str, check: bool = True) -> str:
    done = checkout.run("dlfd", "verify", *options, check=check, PYTHONPATH=str(checkout.root))
    assert check or done.code == 1
    return done.out + done.err
