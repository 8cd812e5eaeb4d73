from __future__ import annotations

from pipeline.reference_tables import title
from pipeline.reference_tables.title import Title

AGES = Title(1, "age", "mufac.tar", " --name mufac -S train.epochs=24")


def test_a_page_is_known_by_all_that_its_title_tells_but_the_seeds() -> None:
    page = f"# {AGES.of([0, 1])}\n\nMachine: one core.\n"
    assert AGES.begins(page)
    assert AGES.begins(page.replace("0,1", "0,1,2"))
    for before, now in (("Table 1", "Table 2"), ("age", "emotion"), ("mufac.tar", "rafdb.tar"), ("=24`", "=16`")):
        assert not AGES.begins(page.replace(before, now)), now
    assert not AGES.begins("")


def test_a_title_that_was_written_is_read_again() -> None:
    command = "dlfd table 1 --seeds 0,1 --name mufac -S train.epochs=24"
    assert title.read(f"# {AGES.of([0, 1])}\n") == (AGES.of([0, 1]), "age", "mufac.tar", command)
    assert title.read("# A page\n") is None
