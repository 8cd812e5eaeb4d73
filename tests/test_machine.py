from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline import machine


def test_cores_processor_and_graphics_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    assert machine.graphics() == ""
    assert machine.told() == f"{os.cpu_count()} cores of {machine.processor()}, no GPU"
    assert machine.processor().strip()


def test_a_driver_that_answers_is_believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho NVIDIA H200\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert machine.told().endswith(", NVIDIA H200")
