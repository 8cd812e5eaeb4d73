"""A folder with a kept table."""

from __future__ import annotations

from pathlib import Path

import pytest
from kept_cells import ROWS, write


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(ROWS)
    return tmp_path
