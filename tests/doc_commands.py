"""Commands that the documentation gives: found in the pages, and checked as far as that goes without running them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PROGRAMS = ("dlfd", "dvc", "make", "mlflow", "python", "git")
PLACEHOLDER = re.compile(r"[<>…|]|[A-Z]{4,}")  # `dlfd models list | promote`, `PERSON…`, `<name>`


@dataclass(frozen=True)
class Command:
    """A command of a page, without comments and variables in front."""

    page: str
    text: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text)

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def in_blocks() -> list[Command]:
    """Those of ```console blocks, in the order of the pages: what a reader is asked to type."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                found += [Command(page.name, one) for one in _split(line)]
    return found


def in_prose() -> list[Command]:
    """Those in backquotes that are whole commands."""
    quoted = re.compile(rf"(?<!`)`((?:{'|'.join(PROGRAMS)}) [^`\n]+)`")
    found = [Command(page.name, one) for page in PAGES for one in quoted.findall(page.read_text(encoding="utf-8"))]
    return [one for one in found if not PLACEHOLDER.search(one.text.split("#")[0])]


def _split(line: str) -> Iterator[str]:
    line = re.sub(r"\s#\s.*$", "", line).strip()
    line = re.sub(r"\s>\s\S+$", "", line)
    for part in filter(None, line.split(" && ")):
        yield re.sub(r"^(?:[A-Z_]+=\S+ )+", "", part)


def settings_of(words: list[str]) -> list[str]:
    """What follows -S (or --set, --set-param)."""
    return [value for flag, value in pairwise(words) if flag in ("-S", "--set", "--set-param")]


def with_settings(params: dict[str, Any], settings: list[str]) -> Iterator[dict[str, Any]]:
    """params.yaml with each value that a setting may take (`a=1,2` is a choice of DVC's sweeps)."""
    for setting in settings:
        name, _, value = setting.partition("=")
        choices = [value] if value.startswith("[") else value.split(",")
        for choice in choices:
            told = yaml.safe_load(yaml.safe_dump(params))
            *sections, key = name.split(".")
            place = told
            for section in sections:
                place = place[section]
            assert key in place, f"{name} is no knob"
            if not choice.startswith("/path/to/"):  # a file of the reader's
                place[key] = yaml.safe_load(choice)
            yield told
