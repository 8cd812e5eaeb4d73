"""The contact sheet of drawn faces, where it exists. Pictures of real people do not belong into a report."""

from __future__ import annotations

import base64
from pathlib import Path

from pipeline import layout
from pipeline.report.section import Section
from pipeline.report.stored import Stored


def section(stored: Stored) -> Section:
    return Section({"sheet": embedded(layout.FACES / "contact_sheet.png")})  # only the synthetic source writes one


def embedded(path: Path) -> str | None:
    """A PNG file as a data URL; None where there is none."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode() if path.exists() else None
