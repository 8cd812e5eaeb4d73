"""Progress of long work: a bar on a terminal, a line every few seconds elsewhere (logs, CI, `dvc repro | tee`).

Either says what is done, how far it is, how fast it goes and how long it still takes. DVC hands a stage its own stderr,
so it is the same inside `dvc repro`. Bars cannot stand inside one another: one piece of work at a time.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

Advance = Callable[..., None]  # advance(amount=1, note="")

LINE_EVERY = 10.0  # seconds between lines where there is no terminal
WORTH_A_LINE = 2.0  # seconds that work must have taken to leave a line at its end


@contextmanager
def progress(title: str, total: int, unit: str, done: int = 0) -> Iterator[Advance]:
    """Give a function to call as the work goes on: `advance(amount, note)`, amount in `unit`.

    Args:
        title: what is done, such as `training original`.
        total: amount of work, also what is done already.
        unit: of the amount, in the plural.
        done: already, by a run that was killed; it counts for how far, not for how fast.
    """
    with (_bar if _on_terminal() else _lines)(title, total, unit, done) as advance:
        yield advance


def _on_terminal() -> bool:
    """Whether somebody looks at a screen that can be written over; editors' shells call themselves dumb."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def _bar(title: str, total: int, unit: str, done: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
    )
    count = _Count(total, unit, done)
    with Progress(*columns, console=Console(stderr=True), expand=True) as bar:
        task = bar.add_task(title, total=total, completed=done, told="")

        def advance(amount: int = 1, note: str = "") -> None:
            count.add(amount, note)
            bar.update(task, completed=count.done, told=", ".join(filter(None, [count.pace(), count.note])))

        yield advance


@contextmanager
def _lines(title: str, total: int, unit: str, done: int) -> Iterator[Advance]:
    count = _Count(total, unit, done)
    printed = count.started

    def advance(amount: int = 1, note: str = "") -> None:
        nonlocal printed
        count.add(amount, note)
        if (now := time.monotonic()) - printed >= LINE_EVERY and count.done < total:
            printed = now
            _print(f"{title}: {count.done}/{total} {unit}", count.pace(), count.note)

    yield advance
    if count.spent() >= WORTH_A_LINE:  # not where it raised: the error is what matters then
        _print(f"{title}: {count.done}/{total} {unit} in {_clock(count.spent())}", count.speed(), count.note)


class _Count:
    """How far and how fast."""

    def __init__(self, total: int, unit: str, done: int) -> None:
        self.total, self.unit, self.done, self.before, self.note = total, unit, done, done, ""
        self.started = time.monotonic()

    def add(self, amount: int, note: str) -> None:
        self.done += amount
        self.note = note or self.note

    def spent(self) -> float:
        return time.monotonic() - self.started

    def speed(self) -> str:
        rate = self._rate()
        return f"{rate:.0f} {self.unit}/s" if rate >= 10 else f"{rate:.2g} {self.unit}/s"

    def pace(self) -> str:
        """Speed, and the time that is left at it."""
        return f"{self.speed()}, {_clock(max(self.total - self.done, 0) / max(self._rate(), 1e-9))} left"

    def _rate(self) -> float:
        return (self.done - self.before) / max(self.spent(), 1e-9)


def _clock(seconds: float) -> str:
    """`42 s`, or `1:05:00` from two minutes on."""
    return f"{seconds:.0f} s" if seconds < 120 else str(timedelta(seconds=round(min(seconds, 1e9))))


def _print(*parts: str) -> None:
    print(", ".join(filter(None, parts)), file=sys.stderr, flush=True)
