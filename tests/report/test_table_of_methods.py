"""The table of methods: every column is explained, and what is no number is last."""

from __future__ import annotations

import re

import pytest
import tiny_report as tiny
from report_page import Elements, words, write

from pipeline.report import methods


def test_figures_stand_beside_their_model() -> None:
    html = write(("finetune", "dlfd", "neggrad"), own={"neggrad": {"status": "diverged"}})
    (table,) = re.findall(r'<table class="sortable">.*?</table>', html, re.DOTALL)
    rows = re.findall(r'(<tr class="(\w*)">\s*<th scope="row" data-order="(\w+)">.*?</tr>)', table, re.DOTALL)
    assert [name for _, _, name in rows] == ["original", "retrained", "finetune", "dlfd", "neggrad"]
    assert [kind for _, kind, _ in rows] == ["", "oracle", "accepted", "", ""]
    by_name = {name: words(row) for row, _, name in rows}
    assert "diverged" in by_name["neggrad"]
    assert "[0.48, 0.58]" in by_name["finetune"]
    assert "0.760" in by_name["finetune"]
    low, high = tiny.read(("finetune", "dlfd", "neggrad")).accuracy_intervals["finetune"]
    assert f"0.760[{low:.2f}, {high:.2f}]" in by_name["finetune"]


def test_every_column_is_explained() -> None:
    html = write()
    elements = Elements(html).found
    asked = {attributes["popovertarget"] for tag, attributes in elements if "popovertarget" in attributes}
    told = {attributes["id"] for tag, attributes in elements if "popover" in attributes}
    assert asked == told
    assert len(told) == len(methods.COLUMNS)


def test_figures_of_the_answer_are_explained_too() -> None:
    (answer,) = re.findall(r'<p class="answer">(.*?)</p>', write(), re.DOTALL)
    asked = {attributes["popovertarget"] for tag, attributes in Elements(answer).found if tag == "button"}
    assert asked == {"about-nomus", "about-strongest_auc", "about-verdict"}


@pytest.mark.parametrize("column", methods.COLUMNS, ids=lambda column: column.name)
def test_what_is_no_number_is_shown_as_none_and_sorted_last(column: methods.Column) -> None:
    tiny.make()
    row = methods.rows(tiny.read())[2]
    broken = {key: float("nan") if isinstance(value, float) else value for key, value in row.items()}
    broken["relearn_steps"] = float("nan")
    assert "nan" not in column.show(broken) + column.below(broken)
    assert column.order(broken) == ("" if isinstance(row[column.name], int | float) else row[column.name])
    assert "nan" not in column.show(row) + column.below(row)
    assert column.order(row) != ""
