"""JSON that is the same bytes wherever it is written, so that it can be hashed and signed.

UTF-8, keys sorted, no white space, no NaN: a figure that is no number is null.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any


def dumps(value: Any) -> bytes:
    """The canonical form.

    Raises:
        ValueError: a number is NaN or infinite: `plain` makes null of it.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def loads(text: str | bytes) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: it is no JSON, or a key stands in it twice, so that two readers could read two things.
    """
    return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)


def digest(value: Any) -> str:
    """SHA-256 of the canonical form, 64 hex digits."""
    return hashlib.sha256(dumps(value)).hexdigest()


def plain(value: Any) -> Any:
    """The same as JSON can say it: null for what is no number, lists for tuples, plain floats for NumPy's."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "item"):  # NumPy's scalars, without importing it
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
