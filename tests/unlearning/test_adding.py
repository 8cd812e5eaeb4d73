"""A new method is one file and one section of params.yaml, and nothing else: the example of docs/extending.md, run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
USE = """
import sys
sys.path.insert(0, "tests")
from helpers import make_model, make_subsets
from pipeline import config
from pipeline.unlearning import base
params = config.check()
assert params.unlearn.methods == ["mine"], params.unlearn
settings = config.method_settings("mine")
assert settings.shrinkage == 0.1
run = base.Run(seed=0)
base.unlearn(base.get("mine"), make_model(), make_subsets(), settings, run)
print(run.status, run.forward_images)
"""


def test_the_example_of_the_docs_is_a_method(tmp_path: Path) -> None:
    example = re.search(
        r'```python\n("""Shrink: .*?)```', (ROOT / "docs/extending.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert example is not None
    for name in ("pipeline", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pipeline/unlearning/mine.py").write_text(example[1], encoding="utf-8")
    sections = {"unlearn": {"methods": ["mine"]}, "mine": {"shrinkage": 0.1, "epochs": 1}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(sections), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", USE]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["finished", "48"], done.stderr
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unlearning/test_methods.py"]
    done = subprocess.run([*tests, "-k", "mine"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout
    assert int(done.stdout.split(" passed")[0].split()[-1]) >= 8
