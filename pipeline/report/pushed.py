"""What DLFD does to pictures, where the unlearn stage kept an example: of drawn faces only, never of real people."""

from __future__ import annotations

from pipeline import layout
from pipeline.report import faces
from pipeline.report.section import Section
from pipeline.report.stored import Stored


def section(stored: Stored) -> Section:
    settings = stored.infos["dlfd"].get("settings", {}) if "dlfd" in stored.methods else {}
    sheet = faces.embedded(layout.MODELS / "dlfd" / "examples.png") if settings else None
    real = bool(settings) and stored.dataset["name"] != "synthetic"
    return Section({"sheet": sheet, "real": real, "epsilon": settings.get("epsilon"), "steps": settings.get("steps")})
