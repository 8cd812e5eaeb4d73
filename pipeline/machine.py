"""What computer this is, in words to read figures by."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path


def processor() -> str:
    """Name of the CPU."""
    info = Path("/proc/cpuinfo")
    names = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in names if line.startswith("model name")), platform.machine())


def graphics() -> str:
    """Names of NVIDIA's GPUs, asked of the driver so that torch need not be imported; empty where there is none."""
    if not shutil.which("nvidia-smi"):
        return ""
    asked = subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True)
    return ", ".join(asked.stdout.splitlines()) if asked.returncode == 0 else ""


def told() -> str:
    """`2 cores of AMD EPYC, no GPU`."""
    return f"{os.cpu_count()} cores of {processor()}, {graphics() or 'no GPU'}"
