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
from test_docs import RUN_FROM_THE_PAGE

pytestmark = pytest.mark.end_to_end
CONFIRMED = ("dlfd models promote", "dlfd models rollback")  # that ask a person
SAID = {  # command -> what it says
    "dlfd request add": "request ",
    "dlfd request list": "open, ",
    "dlfd request withdraw": "is withdrawn",
    "dlfd models list": "validation figures",
    "dlfd models promote": "champion",
    "dvc plots": "index.html",
    "dvc exp show": "Experiment",
}


def test_what_a_reader_types_works(copied: Callable[..., Checkout]) -> None:
    """Once each, however many pages give it; a request is entered before it is withdrawn."""
    checkout = copied()
    checkout.commit()
    wanted = [one for one in doc_commands.in_blocks() if any(re.fullmatch(p, one.text) for p in RUN_FROM_THE_PAGE)]
    unique = {" ".join(one.words): one for one in wanted}
    assert len(unique) >= 12
    done: set[tuple[str, str]] = set()
    for text, command in sorted(unique.items(), key=lambda one: _turn(one[0])):
        words = command.words + (["--yes"] if text in CONFIRMED else [])
        if words[:2] == ["git", "commit"]:
            words += ["--allow-empty", "--message", "requests"]
        if text == "dlfd models rollback":  # of a first champion there is nothing to go back to
            told = checkout.run(*words, check=False)
            assert "stays in service: it is the first" in told.err, str(command)
            continue
        if words[:2] == ["dlfd", "request"]:  # each page tells its own story, of the same persons
            persons = [word for word in words if re.fullmatch(r"p\d{4}", word)]
            again = [word for word in persons if (words[2], word) in done]
            done |= {(words[2], word) for word in persons}
            if persons and again == persons:
                continue
            words = [word for word in words if word not in again]
        told = checkout.run(*words)
        said = next((said for start, said in SAID.items() if text.startswith(start)), "")
        assert said in told.out, f"{command}\n{told.out}\n{told.err}"


def _turn(text: str) -> int:
    """Requests are withdrawn last; all else keeps the order of the pages."""
    return 1 if "withdraw" in text else 0
