"""params.yaml -> typed, validated settings. All problems are collected and reported at once."""

from __future__ import annotations

import difflib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError
from pipeline.settings import (
    AuditSettings,
    DataSettings,
    Device,
    EvaluateSettings,
    ModelSettings,
    RegisterSettings,
    Section,
    Seed,
    SplitSettings,
    Task,
    TrainSettings,
    UnlearnSettings,
    ValidateSettings,
)


@dataclass(frozen=True, kw_only=True)
class Params(Section):
    """All of params.yaml but the methods' own sections, which `method_settings` reads."""

    seed: Seed = 0
    device: Device = "auto"
    task: Task = "age"
    data: DataSettings = field(default_factory=DataSettings)
    split: SplitSettings = field(default_factory=SplitSettings)
    validate: ValidateSettings = field(default_factory=ValidateSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    unlearn: UnlearnSettings = field(default_factory=UnlearnSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
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
    params, problems = _params(_read(Path(path)))
    _refuse(path, problems)
    return params


def method_settings(name: str, path: Path | str = "params.yaml", *, changed: Mapping[str, Any] | None = None) -> Any:
    """The validated settings of one unlearning method (imports its file, and with it torch).

    Args:
        changed: knobs that are not to be as the file has them.

    Raises:
        ConfigError: no such method, or its section does not validate.
    """
    if name not in method_names():
        raise ConfigError(f"{path}: unknown method {name!r}{_nearest(name, method_names())}")
    raw = _read(Path(path))
    if changed:
        raw[name] = {**(raw.get(name) or {}), **changed}
    settings, problems = _method(name, raw)
    _refuse(path, problems)
    return settings


def check(path: Path | str = "params.yaml") -> Params:
    """What `load` does, with the sections of all methods, the chosen and the others (imports torch).

    Raises:
        ConfigError: as `load`, or `model.weights` names no file.
    """
    raw = _read(Path(path))
    params, problems = _params(raw)
    for name in method_names():
        problems += _method(name, raw)[1]
    if params and params.model.weights and not Path(params.model.weights).expanduser().is_file():
        problems.append(f"model.weights: there is no file {params.model.weights}")
    _refuse(path, problems)
    return params


def parsed(text: str) -> Any:
    """What DVC reads in a text of params.yaml or of -S: YAML 1.2, in which 1e-3 is a number and a key is there once.

    Raises:
        ruamel.yaml.YAMLError: it is none.
    """
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


def _read(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAMLError

    try:
        raw = parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} not found: run from the repository's root") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 ({error}): save it as such") from None
    except YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f" in line {place.line + 1}" if place else ""
        raise ConfigError(f"{path} is not valid YAML{line}: {getattr(error, 'problem', error)}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} must hold a mapping of sections, not {type(raw).__name__}")
    return {str(name): section for name, section in raw.items()}


def _params(raw: dict[str, Any]) -> tuple[Any, list[str]]:
    """The sections but the methods' own (None where they do not validate), and the problems."""
    methods = method_names()
    own = {name: section for name, section in raw.items() if name not in methods}
    params, problems = _validated(Params, own, where="", also_known=methods)
    if params:
        problems += _method_name_problems(params.unlearn.methods, methods)
        if params.seed in params.audit.oracle_seeds:
            problems.append(
                f"audit.oracle_seeds: {params.seed} is `seed`, whose oracle the retrained model is: name others"
            )
        problems += _reference_problems(params.audit.reference_models)
        for name in ("oracle_seeds", "reference_models"):
            problems += _repeated(f"audit.{name}", getattr(params.audit, name))
    return params, problems


def _method(name: str, raw: dict[str, Any]) -> tuple[Any, list[str]]:
    from pipeline.unlearning import base

    section = raw[name] if raw.get(name) is not None else {}
    return _validated(base.get(name).settings, section, where=name, also_known=[])


def _method_name_problems(chosen: list[str], methods: list[str]) -> list[str]:
    problems = [f"unlearn.methods: unknown method {m!r}{_nearest(m, methods)}" for m in chosen if m not in methods]
    problems += _repeated("unlearn.methods", chosen)
    if not chosen:
        problems.append(f"unlearn.methods is empty: name at least one of {', '.join(methods)}")
    return problems


def _repeated(name: str, values: list[Any]) -> list[str]:
    """DVC would run a repeated one once, and what averages over them would count it twice."""
    return [f"{name}: {value!r} is named twice" for value in dict.fromkeys(values) if values.count(value) > 1]


def _reference_problems(numbers: list[int]) -> list[str]:
    """2k − 1 and 2k are trained on the two halves of one cut: each without the other would say nothing."""
    lone = [number for number in numbers if number - 1 + 2 * (number % 2) not in numbers]
    if not lone:
        return []
    return [f"audit.reference_models: {lone} lack their other halves; name pairs such as [1, 2, 3, 4]"]


def _validated(kind: Any, raw: Any, *, where: str, also_known: list[str]) -> tuple[Any, list[str]]:
    import pydantic

    try:
        return pydantic.TypeAdapter(kind).validate_python(raw), []
    except pydantic.ValidationError as error:
        return None, [_explain(kind, e, where, also_known) for e in error.errors()]


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


def _refuse(path: Path | str, problems: list[str]) -> None:
    if problems:
        told = [f"{path} has {len(problems)} problem(s):", *(f"  - {problem}" for problem in problems)]
        raise ConfigError("\n".join(told))
