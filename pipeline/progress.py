"""Progress of long work: a bar on a terminal, a line every few seconds elsewhere (logs, CI, `dvc repro | tee`)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[..., None]  # advance(amount=1, note="")

LINE_EVERY = 10.0  # seconds between lines where there is no terminal


@contextmanager
def progress(title: str, total: int, unit: str) -> Iterator[Advance]:
    """Give a function to call as the work goes on: `advance(amount, note)`, amount in `unit`."""
    with _bar(title, total, unit) if sys.stderr.isatty() else _lines(title, total, unit) as advance:
        yield advance


@contextmanager
def _bar(title: str, total: int, unit: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    started = time.monotonic()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total, note="", speed="")

        def advance(amount: int = 1, note: str = "") -> None:
            bar.advance(task, amount)
            speed = bar.tasks[0].completed / max(time.monotonic() - started, 1e-9)
            bar.update(task, speed=f"{speed:.0f} {unit}/s", note=note or bar.tasks[0].fields["note"])

        yield advance


@contextmanager
def _lines(title: str, total: int, unit: str) -> Iterator[Advance]:
    started = printed = time.monotonic()
    done = 0

    def advance(amount: int = 1, note: str = "") -> None:
        nonlocal done, printed
        done += amount
        now = time.monotonic()
        if now - printed < LINE_EVERY and done < total:
            return
        printed, spent = now, max(now - started, 1e-9)
        left = spent / max(done, 1) * (total - done)
        line = f"{title}: {done}/{total} {unit}, {done / spent:.0f} {unit}/s, {left:.0f} s left"
        print(f"{line}{'  ' + note if note else ''}", file=sys.stderr, flush=True)

    yield advance
