from __future__ import annotations

from tiny_cells import cells

from pipeline.reference_tables.markdown import markdown, provenance
from pipeline.reference_tables.summary import summarise


def test_the_text_leaves_out_what_is_not_known() -> None:
    text = markdown(summarise(cells(0.5), "gender"), "Table 1: gender", "Machine: 2 cores, no GPU.")
    assert text.splitlines()[-1] == "| dlfd | 1 |" + " .500 |" * 5 + " .000 | .040 | .500 | 0 |  |"
    assert "| variant |" not in text


def test_where_a_table_comes_from_is_told_as_far_as_it_is_known() -> None:
    assert provenance(cells(0.5), "2 cores") == "Machine: 2 cores."
    assert provenance(cells(0.5, 0.6).assign(revision=["a1", "b2"]), "2 cores") == "Machine: 2 cores. Code: a1, b2."
    assert provenance(cells(0.5), "") == ""
