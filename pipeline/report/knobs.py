"""What each parameter means: the comment beside it in params.yaml."""

from __future__ import annotations

import re
from pathlib import Path

LINE = re.compile(r"(?P<indent> *)(?P<key>\w+):(?P<value>[^#]*)(?:# *(?P<told>.*))?")
MORE = re.compile(r" +# *(?P<told>.*)")  # a comment that goes on below its line
SHARED = "train"  # its knobs are every method's as well


def meanings(path: Path = Path("params.yaml")) -> dict[str, str]:
    """`section.key` (or `key`) -> its comment, where it has one; nothing where there is no file."""
    found: dict[str, str] = {}
    section = name = ""
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        if more := MORE.fullmatch(line):
            found[name] = f"{found.get(name, '')} {more['told']}".strip()
        elif key := LINE.fullmatch(line):
            section = section if key["indent"] else key["key"]
            name = f"{section}.{key['key']}" if key["indent"] else section
            found[name] = key["told"] or ""
    return {name: told.strip() for name, told in found.items() if told}


def meaning(parameter: str, known: dict[str, str]) -> str:
    """Of `section.key`; a method's knob that `train:` has too means the same there."""
    return known.get(parameter) or known.get(f"{SHARED}.{parameter.rpartition('.')[2]}", "")
