"""params.yaml -> typed, validated settings. All problems are collected and reported at once."""

from __future__ import annotations

import difflib
import pkgutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import ConfigError
from pipeline.settings import (
    DataSettings,
    Device,
    EvaluateSettings,
    ModelSettings,
    NonNegativeInt,
    RegisterSettings,
    Section,
    SplitSettings,
    Task,
    TrainSettings,
    UnlearnSettings,
    ValidateSettings,
)


@dataclass(frozen=True, kw_only=True)
class Params(Section):
    """All of params.yaml but the methods' own sections, which `method_settings` reads."""

    seed: NonNegativeInt = 0
    device: Device = "auto"
    task: Task = "age"
    data: DataSettings = field(default_factory=DataSettings)
    split: SplitSettings = field(default_factory=SplitSettings)
    validate: ValidateSettings = field(default_factory=ValidateSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    unlearn: UnlearnSettings = field(default_factory=UnlearnSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
    register: RegisterSettings = field(default_factory=RegisterSettings)


def method_names() -> list[str]:
    """Names of the unlearning methods: the files of `pipeline/unlearning/`, without importing torch."""
    folder = Path(__file__).parent / "unlearning"
    return sorted(m.name for m in pkgutil.iter_modules([str(folder)]) if m.name != "base")


def load(path: Path | str = "params.yaml") -> Params:
    """Read and validate every section but the methods' own.

    Raises:
        ConfigError: the file is missing or no mapping, a key is unknown (the nearest known one is named),
            a value is of the wrong type or out of range. One message lists every problem.
    """
    raw = _read(Path(path))
    methods = method_names()
    own = {k: v for k, v in raw.items() if k not in methods}
    params: Params = _validate(Params, own, where="", also_known=methods, path=path)
    _check_method_names(params, methods, path)
    return params


def method_settings(name: str, path: Path | str = "params.yaml") -> Any:
    """The validated settings of one unlearning method (imports its file, and with it torch).

    Raises:
        ConfigError: no such method, or its section does not validate.
    """
    from pipeline.unlearning import base

    if name not in method_names():
        raise ConfigError(f"{path}: unknown method {name!r}{_nearest(name, method_names())}")
    section = _read(Path(path)).get(name) or {}
    return _validate(base.get(name).settings, section, where=name, also_known=[], path=path)


def check_methods(params: Params, path: Path | str = "params.yaml") -> None:
    """Validate the sections of all selected methods early, before hours of training."""
    for name in params.unlearn.methods:
        method_settings(name, path)


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} not found: run from the repository's root") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} must hold a mapping of sections, not {type(raw).__name__}")
    return raw


def _check_method_names(params: Params, methods: list[str], path: Path | str) -> None:
    chosen = params.unlearn.methods
    problems = [f"unlearn.methods: unknown method {m!r}{_nearest(m, methods)}" for m in chosen if m not in methods]
    if len(set(chosen)) != len(chosen):
        problems.append(f"unlearn.methods: a method is named twice in {chosen}")
    if not chosen:
        problems.append(f"unlearn.methods is empty: name at least one of {', '.join(methods)}")
    if problems:
        raise ConfigError(_report(path, problems))


def _validate(kind: Any, raw: Any, *, where: str, also_known: list[str], path: Path | str) -> Any:
    import pydantic

    try:
        return pydantic.TypeAdapter(kind).validate_python(raw)
    except pydantic.ValidationError as error:
        problems = [_explain(kind, e, where, also_known) for e in error.errors()]
    raise ConfigError(_report(path, problems))


def _explain(kind: Any, error: Any, where: str, also_known: list[str]) -> str:
    parts = [str(part) for part in error["loc"]]
    name = ".".join(filter(None, [where, *parts]))
    if error["type"] == "unexpected_keyword_argument":
        known = [*_keys(kind, parts[:-1]), *(also_known if len(parts) == 1 else [])]
        return f"{name}: unknown key{_nearest(parts[-1], known)}"
    return f"{name}: {error['msg'][0].lower()}{error['msg'][1:]}, got {error['input']!r}"


def _keys(kind: Any, parts: list[str]) -> list[str]:
    """Field names of the settings class that the path leads to."""
    from typing import get_type_hints

    for part in parts:
        kind = get_type_hints(kind)[part]
    return list(getattr(kind, "__dataclass_fields__", {}))


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else f" (known: {', '.join(sorted(known))})"


def _report(path: Path | str, problems: list[str]) -> str:
    return "\n".join([f"{path} has {len(problems)} problem(s):", *(f"  - {p}" for p in problems)])
