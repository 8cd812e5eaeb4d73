"""Arrows point down: no file imports, at its top or inside a function, what stands above it in ARCHITECTURE.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
LAYERS = (  # from the ground up; what stands in one line may not import one another
    {"errors"},
    {
        "settings",
        "layout",
        "progress",
        "hashes",
        "canonical",
        "machine",
        "pages",
        "secret_files",
        "comparison",
        "stored_json",
    },
    {"pseudonyms", "reference_tables"},
    {"data"},
    {"erasure", "learning"},
    {"evaluation", "tracking"},
    {"unlearning", "serving"},
    {"config"},  # params.yaml with the knobs of every method
    {"jobs", "registry"},
    {"certificates", "report", "search", "checkpoints"},
    {"stages"},
    {"benchmarks"},
    {"examples"},
)
HEIGHT = {unit: height for height, layer in enumerate(LAYERS) for unit in layer}
HEAVY = {  # library -> who may import it; everybody else runs where it is not installed
    "mlflow": {"tracking", "registry", "serving", "benchmarks", "examples"},
    "dvc": {"stages"},
    "great_expectations": {"data"},
    "ot": {"learning", "benchmarks"},
}


def imports(path: Path) -> Iterator[str]:
    """Modules and what is taken from them, dotted, wherever in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{one.name}" for one in node.names)


def unit(module: str) -> str:
    """A package or file directly in pipeline/, or another package of this project; "" for anything else."""
    first, _, rest = module.partition(".")
    name = rest.partition(".")[0] if first == "pipeline" else first
    return name if name in HEIGHT else ""


FILES = [
    path for folder in ("pipeline", "stages", "benchmarks", "examples") for path in (PROJECT / folder).rglob("*.py")
]


def own(path: Path) -> str:
    return unit(".".join(path.relative_to(PROJECT).with_suffix("").parts))


def test_every_part_of_the_library_has_its_layer() -> None:
    parts = {
        one.stem for one in (PROJECT / "pipeline").iterdir() if one.suffix == ".py" or (one / "__init__.py").exists()
    }
    assert parts - {"__init__"} == set(HEIGHT) - {"stages", "benchmarks", "examples"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_a_file_imports_from_below_alone(path: Path) -> None:
    here = own(path)
    wanted = {found for module in imports(path) if (found := unit(module)) and found != here}
    assert all(HEIGHT[one] < HEIGHT[here] for one in wanted), f"{here} imports {sorted(wanted)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_a_heavy_library_is_imported_where_it_belongs(path: Path) -> None:
    taken = {module.partition(".")[0] for module in imports(path)} & set(HEAVY)
    assert all(own(path) in HEAVY[one] for one in taken), taken
