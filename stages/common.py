"""What every stage shares: one clear message and a non-zero exit where something is wrong."""

from __future__ import annotations

import atexit
import errno
import functools
import gc
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from pipeline import layout
from pipeline.errors import PipelineError

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


def explain(error: BaseException) -> str | None:
    """One message for an error a person can act on; None for a bug, which keeps its traceback."""
    if isinstance(error, PipelineError):
        return str(error)
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        where = f" while writing {error.filename}" if error.filename else ""
        return f"the disk is full{where}. Free some space and run `dvc repro` again: finished stages are kept."
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        where = error.filename or "a file"
        return f"{where} may not grow any further here. Raise the limit (`ulimit -f`) and run `dvc repro` again."
    return None


def print_anywhere() -> None:
    """A terminal or log that has no λ or ─ shows a question mark: a run of hours must not end with such a sign."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def from_root(path: Path) -> Path:
    """A path as it was typed, seen from the checkout's root, to which a command changes before it works."""
    return Path(os.path.relpath(path.resolve(), layout.root()))


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same command with errors turned into one message on stderr and exit code 1."""

    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> Any:
        print_anywhere()
        try:
            return function(*args, **kwargs)
        except Exception as error:
            message = explain(error)
            if message is None:
                raise
            typer.secho(f"error: {message}", fg="red", err=True)
            raise typer.Exit(1) from None

    return command


def run(main: Callable[..., Any]) -> None:
    """Run a stage's `main` as a command line program.

    Importing PyTorch and MLflow makes millions of objects, none of them garbage: rare collections, and none at the end,
    take 2.7 s of 6.3 s off a stage.
    """
    gc.set_threshold(100_000, 50, 100)
    atexit.register(gc.freeze)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(guarded(main))
    app()
