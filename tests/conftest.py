"""For all tests: few threads and no telemetry, set before torch and MLflow are imported."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
_scratch = tempfile.TemporaryDirectory(prefix="dlfd-tests-")  # removed when the tests end
os.environ["DLFD_SALT_FILE"] = str(Path(_scratch.name) / "salt")  # not the checkout's own
sys.path.insert(0, str(Path(__file__).parent))  # tests/helpers.py
settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")

WITHOUT_A_RUN = ("test_serving.py", "test_mlflow_ui.py", "test_report_page.py", "test_certificate_page.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes longest starts first: the pipeline's own run, and beside it what need not wait for it. Drills are left
    out unless they are asked for."""
    if "drill" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("drill")])
        items[:] = [item for item in items if not item.get_closest_marker("drill")]
    items.sort(key=lambda item: _place(item.path))


def _place(test: Path) -> int:
    if "end_to_end" not in test.parts:
        return 3
    return 0 if test.name == "test_pipeline.py" else 1 if test.name in WITHOUT_A_RUN else 2


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout, the current folder, whose salt is its own."""
    from pipeline import pseudonyms

    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    for name in ("DVC_ROOT", pseudonyms.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
