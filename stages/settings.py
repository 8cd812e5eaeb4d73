"""DVC stage `settings`: params.yaml is checked as a whole, so that a slip is told before any work and not hours later.

Its output never changes, so a change of params.yaml reruns this stage and then only those whose parameters changed.
"""

from __future__ import annotations

import typer

from pipeline import config, layout
from stages.common import run


def main() -> None:
    from pipeline.learning import models

    params = config.check()
    models.select_device(params.device)
    layout.SETTINGS.parent.mkdir(exist_ok=True)
    layout.SETTINGS.write_text("params.yaml has been checked\n", encoding="utf-8")
    typer.echo("params.yaml: every section is sound")


if __name__ == "__main__":
    run(main)
