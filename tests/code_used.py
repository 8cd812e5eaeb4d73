"""Which files of this project a function runs: names are followed from definition to definition, across files.

Annotations of functions are left out (nothing of them runs), and so is what is found by a name made at run time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
Symbol = tuple[str, str]  # module, name of a definition in it; "" for the module as such


def files(*starts: Symbol) -> set[Path]:
    """Relative to the root."""
    seen: set[Symbol] = set()
    waiting = list(starts)
    while waiting:
        if (symbol := waiting.pop()) not in seen:
            seen.add(symbol)
            waiting += _used(*symbol)
    return {found.relative_to(ROOT) for module, _ in seen if (found := _file(module))}


def _file(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)


@cache
def _read(module: str) -> tuple[dict[str, list[ast.AST]], dict[str, Symbol]]:
    """Top-level definitions by name, and what the names that are imported anywhere in the file stand for."""
    path = _file(module)
    tree = ast.parse(path.read_text(encoding="utf-8")) if path else ast.Module([], [])
    defined: dict[str, list[ast.AST]] = {}
    for node in tree.body:
        for name in _names(node):
            defined.setdefault(name, []).append(node)
    imported: dict[str, Symbol] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                inner = f"{node.module}.{one.name}"
                imported[one.asname or one.name] = (inner, "") if _file(inner) else (node.module, one.name)
    return defined, imported


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]


def _used(module: str, name: str) -> Iterator[Symbol]:
    defined, imported = _read(module)
    for definition in defined.get(name, []):
        for node in _running(definition):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                target, inner = imported.get(node.value.id, ("", ""))
                if target and not inner:  # of a module
                    yield target, node.attr
            if isinstance(node, ast.Name):
                if node.id in imported:
                    yield imported[node.id]
                elif node.id in defined:
                    yield module, node.id
    if name not in defined and name in imported:  # handed on
        yield imported[name]


def _running(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("returns", "annotation") and not isinstance(node, ast.AnnAssign):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _running(child)
