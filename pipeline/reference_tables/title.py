"""The first line of a kept table: what it is of, and the command that makes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LINE = re.compile(r"# (Table \d: (\w+), data\.dvc of (\S+), `(dlfd table .+?)`)")


@dataclass(frozen=True)
class Title:
    """All that a table's title tells but its seeds, of which more may come.

    Attributes:
        number: of the paper's table.
        task: such as `age`.
        data: the file or folder that data.dvc imports.
        options: of `dlfd table` but the seeds, each with a space before it.
    """

    number: int
    task: str
    data: str
    options: str

    def of(self, seeds: Iterable[int]) -> str:
        """The title with these seeds, without the `#` of a heading."""
        return self._around(",".join(map(str, seeds)))

    def begins(self, page: str) -> bool:
        """Whether a page is of the same, whatever its seeds."""
        line = page.partition("\n")[0]
        before, after = self._around("\n").split("\n")
        return line.startswith(f"# {before}") and line.endswith(after)

    def _around(self, seeds: str) -> str:
        what = f"Table {self.number}: {self.task}, data.dvc of {self.data}"
        return f"{what}, `dlfd table {self.number} --seeds {seeds}{self.options}`"


def read(page: str) -> tuple[str, str, str, str] | None:
    """Title, task, data and command of a page; None where it does not begin with a title."""
    told = _LINE.match(page)
    return (told[1], told[2], told[3], told[4]) if told else None
