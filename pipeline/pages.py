"""Templates of the pages that are written for people: `pipeline/templates/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def templates(folder: str) -> Environment:
    """A folder's templates, before those of the report, whose style sheet all pages share.

    What is put in is escaped, and a name that is missing is an error; `tojson` refuses NaN.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
    from jinja2.loaders import ChoiceLoader

    found = Environment(
        loader=ChoiceLoader([PackageLoader("pipeline", f"templates/{one}") for one in (folder, "report")]),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":"), "ensure_ascii": False}
    return found
