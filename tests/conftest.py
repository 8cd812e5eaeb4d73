"""For all tests: few threads and no telemetry, set before torch and MLflow are imported."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ["DLFD_SALT_FILE"] = str(Path(tempfile.mkdtemp(prefix="dlfd-tests-")) / "salt")  # not the checkout's own
sys.path.insert(0, str(Path(__file__).parent))  # tests/helpers.py
