"""Commands of README and docs, taken from the pages and run in their order in a copy of a reproduced clone."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from checkouts import Checkout

sys.path.insert(0, str(Path(__file__).parents[1]))
import doc_commands
from test_docs import RUN_FROM_PROSE, RUN_FROM_THE_PAGE

pytestmark = pytest.mark.end_to_end
CONFIRMED = ("dlfd models promote", "dlfd models rollback")  # that ask a person
SAID = {  # command -> a pattern of what it says
    "dlfd request add": r"request \d{8}-[0-9a-f]{6}: p\d{4} ",
    "dlfd request list": r"\d+ open, ",
    "dlfd request withdraw": "is withdrawn",
    "dlfd models list": "validation figures",
    "dlfd models promote": r"champion of \S+: .* -> version \d+|version \d+ of \S+ is the champion already",
    "dvc plots": r"index\.html",
    "dvc exp show": "Experiment",
    "dvc metrics show": "nomus",
    "dvc repro compare": "up to date",
    "dvc repro --force download": "Running stage 'download'",
    "dvc repro --force --single-item register": r"\w+ is version \d+ of \S+ \(",
}
UNASKED = {"dvc gc -w": "--force", **dict.fromkeys(CONFIRMED, "--yes")}
TURNS = (  # a request changes what is forgotten, so what would then be trained anew comes before; what removes, last
    r"dvc (repro|checkout|metrics show).*",
    r"dlfd request withdraw .*|dvc (exp remove|gc) .*",
)


def test_what_a_reader_types_works(copied: Callable[..., Checkout]) -> None:
    """Once each, however many pages give it; a request is entered before it is withdrawn."""
    checkout = copied()
    checkout.commit()
    places = ((doc_commands.in_blocks(), RUN_FROM_THE_PAGE), (doc_commands.in_prose(), RUN_FROM_PROSE))
    wanted = [one for found, known in places for one in found if any(re.fullmatch(p, one.text) for p in known)]
    unique = {" ".join(one.words): one for one in wanted}
    assert len(unique) >= 20
    done: set[tuple[str, str]] = set()
    for text, command in sorted(unique.items(), key=lambda one: _turn(one[0])):
        words = command.words + ([UNASKED[text]] if text in UNASKED else [])
        if words[:2] == ["git", "commit"]:
            words += ["--allow-empty", "--message", "requests"]
        if text == "dlfd models rollback":  # of a first champion there is nothing to go back to
            refused = checkout.run(*words, check=False, PYTHONPATH=str(checkout.root))
            assert "stays in service: it is the first" in refused.err, str(command)
            continue
        if words[:2] == ["dlfd", "request"]:  # each page tells its own story, of the same persons
            persons = [word for word in words if re.fullmatch(r"p\d{4}", word)]
            again = [word for word in persons if (words[2], word) in done]
            done |= {(words[2], word) for word in persons}
            if persons and again == persons:
                continue
            words = [word for word in words if word not in again]
        ended = checkout.run(*words, PYTHONPATH=str(checkout.root))
        said = next((said for start, said in SAID.items() if text.startswith(start)), "")
        assert re.search(said, ended.out + ended.err), f"{command}\n{ended.out}\n{ended.err}"


def _turn(text: str) -> int:
    """What is in neither of TURNS is between them, in the order of the pages."""
    first, last = TURNS
    return 0 if re.fullmatch(first, text) else 2 if re.fullmatch(last, text) else 1
