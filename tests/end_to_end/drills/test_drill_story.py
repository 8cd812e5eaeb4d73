"""`make story` from the first to the last step. A drill: minutes, and CI runs each of its steps elsewhere."""

from __future__ import annotations

import pytest
from checkouts import Checkout

pytestmark = [pytest.mark.end_to_end, pytest.mark.drill]


@pytest.mark.timeout(1800)
def test_the_story(asked: Checkout, tmp_path_factory: pytest.TempPathFactory) -> None:
    """At smaller settings than a reader's; this checkout stays as it is."""
    folder = tmp_path_factory.mktemp("story") / "story"
    before = asked.run("git", "status", "--porcelain").out, asked.contents(".dvc")
    command = ["python", "-m", "examples.story", "--folder", str(folder), "--persons", "200", "-S", "train.epochs=3"]
    done = asked.run(*command, "-S", "register.max_accuracy_drop=1", PYTHONPATH=str(asked.root))
    assert (asked.run("git", "status", "--porcelain").out, asked.contents(".dvc")) == before
    clone = Checkout(folder)
    versions = {int(one.version) for one in clone.mlflow.search_model_versions("")}
    assert versions == {1, 2}
    for words in ("probability_", "data erased", "in service", ": 0 found", "holds: signed with key"):
        assert words in done.out, words
    assert len(list((folder / "certificates").glob("*.html"))) == 2
