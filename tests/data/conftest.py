"""Fixtures of the data tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_data import make_faces, write_mufac


@pytest.fixture
def mufac_root(tmp_path: Path) -> Path:
    return write_mufac(tmp_path / "mufac")


@pytest.fixture
def many_faces() -> pd.DataFrame:
    """60 persons of 5 pictures in three age classes, with some duplicates within and between persons."""
    rng = np.random.default_rng(1)
    person = [f"F{number:02d}/D" for number in range(60) for _ in range(5)]
    content = [f"c{number:03d}" for number in range(300)]
    age = rng.integers(0, 3, 300).tolist()
    for copy, of in ((1, 0), (7, 0), (100, 99), (299, 298)):
        content[copy], age[copy] = content[of], age[of]
    return make_faces(person, content, age)
