"""The contact sheet of drawn faces, where it exists. Pictures of real people do not belong into a report."""

from __future__ import annotations

import base64

from pipeline import layout
from pipeline.report.section import Section
from pipeline.report.stored import Stored


def section(stored: Stored) -> Section:
    sheet = layout.FACES / "contact_sheet.png"  # only the synthetic source writes one
    if not sheet.exists():
        return Section({"sheet": None})
    return Section({"sheet": "data:image/png;base64," + base64.b64encode(sheet.read_bytes()).decode()})
