"""A round, from download to promote, and how it is run through whatever happens."""

from __future__ import annotations

import random
import re
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import states
from checkouts import Checkout, kill

Command = tuple[str, ...]
DVC_REPRO: Command = ("python", "-m", "dvc", "repro")
PROMOTE: Command = ("dlfd", "models", "promote", "--yes")
ROUND = (DVC_REPRO, PROMOTE)
REMEDIES: dict[str, Command] = {  # what DVC says where it was killed while it wrote -> docs/troubleshooting.md
    "Unable to read RWLock-file": ("rm", ".dvc/tmp/rwlock"),
    "'./dvc.lock' ": ("git", "checkout", "--quiet", "dvc.lock"),
}
ALONE = 0.25  # share of the kills that hit the stage and leave DVC alive, as the kernel does when memory runs out


@dataclass(frozen=True)
class Undisturbed:
    """A round that nothing befell.

    Attributes:
        seconds: that it took.
        stages: that DVC ran.
    """

    checkout: Checkout
    state: states.State
    seconds: float
    stages: list[str]


@dataclass(frozen=True)
class Moment:
    """When to kill: so many seconds after DVC has said something; `after` is empty: after the command's start."""

    seconds: float
    after: str = ""


@dataclass(frozen=True)
class Ran:
    """Commands that ended.

    Attributes:
        killed: what was going on at each kill, in their order.
        mended: what DVC said where docs/troubleshooting.md had to be followed: a file of its own was cut off.
    """

    killed: list[str]
    mended: list[str]


def run_through(
    checkout: Checkout,
    commands: Iterable[Command],
    moments: Iterator[Moment],
    chance: random.Random,
    most: int | None = None,
) -> Ran:
    """Every command to its end, killed at each of the moments as long as there are some, `most` times in all."""
    killed: list[str] = []
    mended: list[str] = []
    log = checkout.root.parent / "log"
    for command in commands:
        ended = False
        while not ended:
            process = checkout.start(*command, log=log, PYTHONPATH=str(checkout.root), PYTHONUNBUFFERED="1")
            moment = next(moments, None) if len(killed) != most else None
            if ended := moment is None or _ends_before(moment, command, process, log):
                code, told = process.wait(), _said(log)
                cut_off = next((said for said in REMEDIES if said in told), "") if code else ""
                assert not code or cut_off, f"{' '.join(command)} failed after the kills {killed}:\n{told[-3000:]}"
                if cut_off:
                    checkout.run(*REMEDIES[cut_off])
                    mended.append(cut_off)
                    ended = False
            else:
                killed.append(_place(command, log))
                _kill(process, alone=chance.random() < ALONE)
    return Ran(killed, mended)


def _ends_before(moment: Moment, command: Command, process: subprocess.Popen[bytes], log: Path) -> bool:
    while command == DVC_REPRO and moment.after not in _said(log):
        if process.poll() is not None:
            return True
        time.sleep(0.02)
    try:
        process.wait(moment.seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes], *, alone: bool) -> None:
    """The stage alone, where one runs, or everything."""
    below = psutil.Process(process.pid).children(recursive=True)
    stages = [one for one in below if any(word.startswith("stages.") for word in _words(one))]
    if not alone or not stages:
        kill(process)
        return
    for one in stages:
        one.kill()
    assert process.wait(600) != 0, "DVC says that its stage has failed"


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:  # it has just ended
        return []


def _place(command: Command, log: Path) -> str:
    """What was going on."""
    if command != DVC_REPRO:
        return "promote"
    said = re.findall(r"^Running stage '(.+?)'", _said(log), re.MULTILINE)
    return said[-1].partition("@")[0] if said else "dvc itself"


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")
