"""No code of ours runs what a file says: nothing is unpickled, no shell, no eval."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import pytest
import torch

from pipeline.errors import ModelError
from pipeline.learning import weights_file

PROJECT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("pipeline", "stages", "benchmarks") for path in (PROJECT / folder).rglob("*.py"))
MODULES = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
CALLS = {"eval", "exec", "read_pickle", "system", "popen", "compile_command", "unsafe_load", "full_load"}


def dangers(source: str) -> list[str]:
    """What a file does that could run code from elsewhere, by line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found += [f"{node.lineno}: {name}" for name in names if name.partition(".")[0] in MODULES]
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            bare = isinstance(node.func, ast.Name) or called.startswith(("os.", "pd.", "yaml."))
            wrong = (
                (called.rpartition(".")[2] in CALLS and bare)
                or (called == "torch.load" and given.get("weights_only") != "True")
                or given.get("allow_pickle", "False") != "False"
                or given.get("shell", "False") != "False"
                or called == "yaml.load"
            )
            found += [f"{node.lineno}: {called}"] * wrong
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_nothing_that_is_read_is_run(path: Path) -> None:
    assert dangers(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(command, shell=True)",
        "eval(text)",
        "pd.read_pickle(path)",
        "yaml.load(text)",
        "os.system(text)",
    ],
)
def test_the_search_finds_it(line: str) -> None:
    assert dangers(line)


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


@pytest.mark.parametrize("how", ["pickle", "torch.save"])
def test_the_code_in_a_foreign_checkpoint_is_not_run(tmp_path: Path, how: str) -> None:
    trap, path = Trap(tmp_path / "sprung"), tmp_path / "model.pth"
    path.write_bytes(pickle.dumps(trap)) if how == "pickle" else torch.save({"weight": trap}, path)
    with pytest.raises(ModelError, match=r"model\.pth holds no plain tensors"):
        weights_file.read_state_dict(path)
    assert not (tmp_path / "sprung").exists()
    pickle.loads(pickle.dumps(trap))
    assert (tmp_path / "sprung").exists(), "the trap works"
