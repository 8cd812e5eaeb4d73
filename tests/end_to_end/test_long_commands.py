"""Commands of the README that take hours, with real DVC: three methods, one seed, one trial, two epochs, tiny faces.

The settings that make them long are replaced; what is left of a command is as the page has it.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from checkouts import Checkout, Done

sys.path.insert(0, str(Path(__file__).parents[1]))
import doc_commands

from pipeline.config import method_names

pytestmark = pytest.mark.end_to_end
METHODS = ("dlfd", "finetune", "ssd")
AUDITS = {"audit.oracle_seeds": "[1]", "audit.reference_models": "[1,2]", "audit.relearn_steps": "5"}
SHORT = {"train.epochs": "2", "data.image_size": "32", **AUDITS}


@pytest.fixture(scope="module")
def checkout(copied: Callable[..., Checkout]) -> Checkout:
    """A clone that knows few methods, of which it has run all but SSD."""
    checkout = copied()
    for path in (checkout.root / "pipeline/unlearning").glob("[a-z]*.py"):
        if path.stem not in (*METHODS, "base"):
            path.unlink()
    path = checkout.root / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in set(method_names()) - set(METHODS):
        del params[name]
    params["unlearn"]["methods"] = ["finetune"]
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    checkout.commit()
    return checkout


def from_the_readme(start: str) -> list[str]:
    """Words of the one command that begins so, with the values of SHORT."""
    (command,) = [one for one in doc_commands.in_blocks() if one.page == "README.md" and one.text.startswith(start)]
    return [f"{name}={SHORT[name]}" if (name := word.partition("=")[0]) in SHORT else word for word in command.words]


def run(checkout: Checkout, words: list[str]) -> Done:
    """With the code of the clone, which has fewer methods."""
    return checkout.run(*words, PYTHONPATH=str(checkout.root))


@pytest.fixture(scope="module")
def table(checkout: Checkout) -> list[str]:
    """The command for table 1 with the dear audits, after it ran."""
    words = from_the_readme("dlfd table 1 -S")
    words += from_the_readme("dvc exp run -S 'audit.oracle_seeds")[3:]
    words += ["--seeds", "0"]
    told = run(checkout, words)
    assert "cell 1 of 1" in told.out
    return words


def test_the_table_has_every_method(checkout: Checkout, table: list[str]) -> None:
    found = pd.read_csv(checkout.root / "reports/tables/table1.csv")
    assert set(found["model"]) == {"original", "retrained", *METHODS}
    assert found["test_accuracy"].between(0, 1).all()
    text = (checkout.root / "reports/tables/table1.md").read_text(encoding="utf-8")
    assert "| ssd | 1 |" in text


def test_a_second_time_nothing_is_run(checkout: Checkout, table: list[str]) -> None:
    told = run(checkout, table)
    assert "done before" in told.out
    assert "Running stage" not in told.out


def test_the_readme_names_all_methods_for_unlearn_methods() -> None:
    """What `dlfd table 1` chooses itself."""
    (setting,) = [word for word in from_the_readme("dvc exp run -S 'unlearn.methods") if "=" in word]
    assert sorted(re.findall(r"\w+", setting.partition("=")[2])) == method_names()


def test_dear_audits_leave_their_figures(checkout: Checkout, table: list[str]) -> None:
    (reference,) = checkout.run("git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/table1*").out.split()
    for model in ("original", "ssd"):
        figures = json.loads(checkout.run("git", "show", f"{reference}:metrics/{model}.json").out)
        assert 0 <= figures["lira_auc"] <= 1
        assert figures["js_forget_of_oracles"] >= 0
        assert 0 <= figures["relearn_steps"] <= 5


def test_a_search_proposes_knobs(checkout: Checkout) -> None:
    words = from_the_readme("dlfd search")
    told = run(checkout, [re.sub(r"^20$", "1", word) for word in words])
    for method in ("dlfd", "finetune"):
        assert f"{method}: trial 0, NoMUS" in told.out
        assert f"dvc exp run -S {method}." in told.out
    assert list((checkout.root / "reports/search").iterdir())


def test_a_table_takes_the_knobs_that_a_search_chose(checkout: Checkout) -> None:
    start = yaml.safe_load((checkout.root / "params.yaml").read_text())["finetune"]["learning_rate"]
    of = {"gate": "passes", "data": "synthetic", "task": "age"}
    trials = pd.DataFrame(
        [
            {"trial": number, "learning_rate": rate, "validation_nomus": 0.7 + number / 10, **of}
            for number, rate in enumerate((start, 0.0123))
        ]
    )
    folder = checkout.root / "reports/search"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    trials.to_csv(folder / "finetune.csv", index=False)
    short = ["-S", "train.epochs=2", "-S", "data.image_size=32"]
    told = run(checkout, [*from_the_readme("dlfd table 1 --knobs"), "--seeds", "0", *short])
    assert "finetune.learning_rate=0.0123" in told.out
    (reference,) = [
        line
        for line in checkout.run("git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/table1*").out.split()
        if "learning_rate: 0.0123" in checkout.run("git", "show", f"{line}:params.yaml").out
    ]
    assert "finetune" in checkout.run("git", "show", f"{reference}:reports/comparison.csv").out


def test_trials_are_kept_as_they_end_and_not_run_again(checkout: Checkout) -> None:
    """The command of docs/dlfd.md on two lines, and a third that comes later."""
    lines = checkout.root / "results/of_a_test.txt"
    lines.write_text("# two of them\nfinetune\ndlfd  matching_weight=0\n")
    command = ["python", "-m", "benchmarks.trials", "results/of_a_test.txt", "--seeds", "0,1"]
    run(checkout, command)
    first = pd.read_csv(lines.with_suffix(".csv"))
    assert list(first["trial"]) == ["original", "retrained", *["finetune"] * 2, *["dlfd matching_weight=0"] * 2]
    assert first["calibrated_auc"][1] == 0.5, "the oracle is its own measure"
    lines.write_text(lines.read_text() + "finetune learning_rate=0.2\n")
    run(checkout, command)
    second = pd.read_csv(lines.with_suffix(".csv"))
    pd.testing.assert_frame_equal(second.head(len(first)), first)  # seconds too: they did not run again
    assert list(second["trial"][len(first) :]) == ["finetune learning_rate=0.2"] * 2
    assert "| finetune learning_rate=0.2 |" in lines.with_suffix(".md").read_text(encoding="utf-8")
