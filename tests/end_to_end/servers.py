"""Real MLflow servers for tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(arguments: list[str], log: Path, ready: str, seconds: float = 240, **environment: str) -> Iterator[None]:
    """`python -m mlflow <arguments>`, from when the URL `ready` answers; its whole process group ends with the block.

    Raises:
        AssertionError: it ends early or is not ready in time; shows what it printed.
    """
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # The servers start helpers by name, so they must find this environment's programs first.
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                **environment,
            },
        )
    try:
        _wait(process, ready, seconds, log)
        yield
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], ready: str, seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended early:\n{log.read_text()}"
        try:
            with urllib.request.urlopen(ready, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"{ready} did not answer within {seconds:.0f} s:\n{log.read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The session's leader may be gone before its workers, so the group is asked, then killed."""
    for wanted in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, wanted)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue
    process.wait(timeout=10)
