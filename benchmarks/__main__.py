"""All benchmarks that need no trained model, one after another: `make bench`. Each is a module that runs alone."""

from __future__ import annotations

import subprocess
import sys

import typer

ALL = ("dlfd_step", "dlfd_pass", "training", "transport", "growth", "serving", "pipeline")


def main() -> None:
    """Run them in processes of their own."""
    for name in ALL:
        command = [sys.executable, "-m", f"benchmarks.{name}", *(["run"] if name == "growth" else [])]
        typer.secho(" ".join(command[1:]), bold=True)
        subprocess.run(command, check=True)


if __name__ == "__main__":
    typer.run(main)
