"""Benchmarks that need neither a finished run nor hours, one after another: `make bench`. Each runs alone as well."""

from __future__ import annotations

import subprocess
import sys

import typer

ALL = ("dlfd_step", "dlfd_pass", "training", "transport", "growth", "serving", "pipeline")


def main() -> None:
    """Run them in processes of their own; one that fails does not keep the next from running."""
    failed = []
    for name in ALL:
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        typer.secho(" ".join(command[1:]), bold=True)
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    if failed:
        typer.secho(f"error: {', '.join(failed)} failed; what they said is above", fg="red", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
