"""Hooks of MkDocs: README.md and other files of the root become part of the site, with their links mended.

In the repository docs/ links to `../README.md` and README.md to `docs/…`; on the site all lie side by side.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PLACES = {  # file of the root -> its name on the site
    "README.md": "index.md",
    "RESULTS.md": "results.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "params.yaml": "params.yaml",
}
TABLES = ("results/*.md", "benchmarks/results/*.md")  # whole tables, which pages link to where they stand
LINK = re.compile(r"(\]\()(?:\.\./|docs/)?([^)\s:#]+)(#[^)\s]*)?(\))")


def on_files(files: Files, config: Any) -> Files:
    """Take the files of the root in."""
    for source, place in PLACES.items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text(encoding="utf-8")))
    for table in (found for pattern in TABLES for found in sorted(ROOT.glob(pattern))):
        place = table.relative_to(ROOT).as_posix()
        files.append(File.generated(config, place, content=table.read_text(encoding="utf-8")))
    for picture in sorted((ROOT / "results").glob("*.png")):
        files.append(File.generated(config, f"results/{picture.name}", content=picture.read_bytes()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links as they are between pages that lie side by side."""
    return LINK.sub(lambda at: f"{at[1]}{PLACES.get(at[2], at[2])}{at[3] or ''}{at[4]}", markdown)
