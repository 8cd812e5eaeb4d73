"""The disk is full in each stage: one clear error, nothing lost, and with space again a round ends as undisturbed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import states
import yaml
from checkouts import Checkout, Done
from drill_round import DVC_REPRO, PROMOTE, Command, Undisturbed

pytestmark = [pytest.mark.end_to_end, pytest.mark.drill]
SIZE = "3g"  # of the disk, in memory
SAID = (
    "the disk is full",  # ours
    "No space left on device",  # DVC's
    "database or disk is full",  # SQLite's
    "disk I/O error",  # SQLite's, of a file that may not grow
    "may not grow",  # ours, of the same
    "File too large",  # DVC's
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own where we are root, else a folder: there files may not grow (ulimit -f)."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "drill", str(folder)], capture_output=True
    )
    try:
        yield folder
    finally:
        if mounted and mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(disk: Path, left: int) -> Iterator[Command]:
    """No more than so many bytes can be written; what a command has to begin with."""
    if not disk.is_mount():
        yield ("bash", "-c", f'ulimit -f {left // 1024}; exec "$@"', "-")
        return
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(disk).free - left))
    yield ()
    ballast.unlink()


@pytest.mark.timeout(3600)
def test_a_full_disk_in_every_stage(
    asked: Checkout, undisturbed: Undisturbed, disk: Path, tell: Callable[[str], None]
) -> None:
    """Of each stage: by itself, and by DVC with nothing left and with half of what it writes."""
    checkout = asked.copy(disk / "checkout")
    checkout.run(*DVC_REPRO, "data.dvc")  # what is imported, which no stage of ours writes
    locked = yaml.safe_load((undisturbed.checkout.root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    refused = tried = 0
    for stage in undisturbed.stages:
        written = sum(out.get("size", 0) for out in locked[stage]["outs"])
        with full(disk, 0) as limited:
            alone = checkout.run(*limited, *shlex.split(locked[stage]["cmd"]), check=False, DLFD_TRACKING="off")
        is_clear(stage, alone)
        assert alone.code == 1
        for left in (0, written // 2):
            with full(disk, left) as limited:
                done = checkout.run(*limited, *DVC_REPRO, stage, check=False)
            tried += 1
            if done.code:  # a few bytes may fit into what a file has left
                is_clear(stage, done)
                refused += 1
        checkout.run(*DVC_REPRO, stage)
    with full(disk, 0) as limited:
        is_clear("promote", checkout.run(*limited, *PROMOTE, check=False, PYTHONPATH=str(checkout.root)))
    checkout.run(*PROMOTE, PYTHONPATH=str(checkout.root))
    assert not states.of(checkout).differences(undisturbed.state)
    how = "a disk" if disk.is_mount() else "ulimit -f"
    stages = len(undisturbed.stages)
    tell(f"disk full ({how}): {stages} stages alone, {refused} of {tried} by DVC, promote; the end was the same")


def is_clear(stage: str, done: Done) -> None:
    told = re.sub(r"\x1b\[\d*m", "", done.out + done.err)
    assert done.code != 0, f"{stage}:\n{told}"
    assert "Traceback" not in told, f"{stage}:\n{told}"
    assert any(words in told for words in SAID), f"{stage}:\n{told}"
