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
LINKED = ("results/*.md", "results/*.png", "benchmarks/results/*.md")  # tables and pictures, which stay where they are
LINK = re.compile(r"(\]\()(?:\.\./|docs/)?([^)\s:#]+)(#[^)\s]*)?(\))")


def on_files(files: Files, config: Any) -> Files:
    """Take the files of the root in."""
    for source, place in PLACES.items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text(encoding="utf-8")))
    for linked in (found for pattern in LINKED for found in sorted(ROOT.glob(pattern))):
        files.append(File.generated(config, linked.relative_to(ROOT).as_posix(), content=linked.read_bytes()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links as they are between pages that lie side by side."""
    return LINK.sub(lambda at: f"{at[1]}{PLACES.get(at[2], at[2])}{at[3] or ''}{at[4]}", markdown)
