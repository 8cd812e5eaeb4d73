"""What is written for people: no place left to fill in, no link to nowhere, no command that nobody has run, no message
that nobody gets.

Every command, in a ```console block or in prose, is (1) parsed by its program's own parser, with every `-S` tried on
params.yaml, and (2) run: by tests/end_to_end/test_doc_commands.py, which takes it from the page (RUN_FROM_THE_PAGE,
RUN_FROM_PROSE), or by the test that RUN_BY names. What is hours even of tiny faces, or needs what only the reader has
(LONG), is parsed alone. A new command that none of them covers fails here. In prose a command may be named without its
arguments.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import doc_commands
import numpy as np
import pandas as pd
import pytest
import typer
import yaml
from doc_commands import PAGES, ROOT, Command
from PIL import Image

from pipeline import config
from pipeline.data.sources import SOURCES
from pipeline.evaluation.audit import RELATIVE
from pipeline.evaluation.signals import SIGNALS

END = "tests/end_to_end"
RUN_FROM_THE_PAGE = (
    r"dlfd request (add|list|withdraw) ?.*",
    r"dlfd models (list|promote|rollback)",
    r"dvc (plots show|plots diff|(metrics|params) diff|exp show.*|queue status)",
    r"git (add|commit|checkout).*",
)
RUN_FROM_PROSE = (
    r"dvc metrics show",
    r"dvc checkout( --force)?",
    r"dvc repro (--force download|--force --single-item register|compare)",
    r"dvc exp remove -A",
    r"dvc gc -w",
)
RUN_BY = {  # command -> the test that runs it, and what must stand in that test
    r"dvc repro": (f"{END}/test_pipeline.py::test_a_second_repro_runs_nothing", 'dvc("repro")'),
    r"dlfd data use (synthetic|datasets/.*|/.*)": ("tests/cli/test_data_use.py::*", '"use"'),
    r"dvc exp run (--name \w+ )?-S dlfd\.\S+( -S dlfd\.\S+)?": (
        f"{END}/test_experiments.py::test_an_experiment_runs_what_its_parameter_touches",
        '"exp", "run", "--name"',
    ),
    r"dvc exp run --queue -S .*": (f"{END}/test_experiments.py::queue", '"exp", "run", "--queue"'),
    r"dvc queue start -j 2": (f"{END}/test_experiments.py::queue", '"queue", "start"'),
    r"mlflow models serve .*": (f"{END}/test_serving.py::*", '"serve"'),
    r"(\(printf .*\) \| )?curl localhost:5001/invocations .*": (f"{END}/test_serving.py::*", "/invocations"),
    r"dlfd predict .*": ("tests/cli/test_predict.py::*", "predict"),
    r"(dlfd models promote && )?dlfd round start": (f"{END}/test_rounds_and_erasing.py::*", '"round", "start"'),
    r"dlfd erase( --yes)?": (f"{END}/test_rounds_and_erasing.py::*", '"erase", "--yes"'),
    r"dlfd scan": (f"{END}/test_rounds_and_erasing.py::*", '"scan"'),
    r"dlfd models history": ("tests/cli/test_models_command.py::*", 'dlfd("history")'),
    r"dlfd certificate key \S+": (f"{END}/test_erasure.py::*", '"certificate", "key"'),
    r"dlfd certificate verify .*": (f"{END}/test_erasure.py::*", '"certificate", "verify"'),
    r"dlfd certificate issue 3": ("tests/cli/test_models_command.py::*", '"issue"'),
    r"make ui": (f"{END}/test_mlflow_ui.py::*", '"server", "--backend-store-uri"'),
    r"dlfd evaluate .*": ("tests/test_checkpoints.py::*", '"evaluate", "--checkpoint"'),
    r"dlfd table \d.*": (f"{END}/test_long_commands.py::*", '"dlfd table 1 -S"'),
    r"dlfd table 1 .*--knobs .*": (f"{END}/test_long_commands.py::*", '"dlfd table 1 --knobs"'),
    r"dlfd search .*": (f"{END}/test_long_commands.py::*", '"dlfd search"'),
    r"dvc exp run -S 'unlearn\.methods=.*": (f"{END}/test_long_commands.py::*", "unlearn.methods"),
    r"dvc exp run -S 'audit\.oracle_seeds=.*": (f"{END}/test_long_commands.py::*", "audit.oracle_seeds"),
    r"dvc exp run --temp": (f"{END}/test_erasure.py::*", '"exp", "run", "--temp"'),
    r"(dvc (exp remove|queue remove|gc --workspace|gc --cloud)|mlflow gc)": (  # they are what erasing does
        f"{END}/test_rounds_and_erasing.py::*",
        '"erase", "--yes"',
    ),
    r"python -m benchmarks\.(rounds|serving)": (
        "tests/benchmarks/test_benchmarks.py::*",
        "measure, pipeline, rounds, serving",
    ),
    r"python -m benchmarks\.growth": ("tests/benchmarks/test_growth.py::*", "growth.main"),
    r"python -m benchmarks\.trials.*": (
        "tests/end_to_end/test_long_commands.py::test_trials_are_kept_as_they_end_and_not_run_again",
        "benchmarks.trials",
    ),
    r"python -m benchmarks\.fair_validation": ("tests/benchmarks/test_fair_validation.py::*", "fair_validation.main("),
    r"python -m benchmarks\.few_persons": ("tests/benchmarks/test_few_persons.py::*", "few_persons.main("),
    r"python -m benchmarks\.oracle_noise": ("tests/benchmarks/test_oracle_noise.py::*", "oracle_noise.main"),
    r"python -m benchmarks\.stage_time": ("tests/benchmarks/test_stage_time.py::*", "stage_time.main"),
    r"python -m benchmarks\.kept_tables": ("tests/benchmarks/test_kept_tables.py::*", "kept_tables.filled"),
    r"make test": (".ci/run::*", "make test"),
    r"dvc (status|repro download)": (f"{END}/test_pipeline.py::*", 'dvc("status")'),
    r"make site": ("tests/test_docs.py::test_the_site_builds_without_a_broken_link", '"mkdocs", "build"'),
    r"make story": (f"{END}/drills/test_drill_story.py::test_the_story", '"examples.story"'),
    r"dlfd verify( --yes)?": ("tests/cli/test_verify.py::*", '"verify"'),
}
LONG = {  # command -> why it is parsed and not run
    r"make (repro|bench)": "ten minutes; `dvc repro` runs in every end-to-end test, benchmarks in tests/benchmarks",
    r"make drills": "an hour of kills and full disks",
    r"make quick": "a part of `make test`",
    r"make audit": "asks PyPI",
    r"dvc exp run -S (data\.image_size=(64|128) .*|seed=1)": "all anew; end-to-end tests run it at another size",
    r"dvc exp run -S model\.weights=.*": "weights of the reader's; tests/learning/test_architectures.py makes its own",
    r"dvc pull": "a remote of the reader's",
}
BLOCKS, PROSE = doc_commands.in_blocks(), doc_commands.in_prose()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_left_to_fill_in(page: Path) -> None:
    assert not re.findall(r"@@|TODO|FIXME|XXX", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_there_are_commands_to_look_at() -> None:
    assert len(BLOCKS) > 40
    assert {one.words[0] for one in BLOCKS} >= {"make", "dlfd", "dvc", "git", "mlflow"}


@pytest.mark.parametrize("command", sorted({*BLOCKS, *PROSE}, key=str), ids=str)
def test_somebody_runs_every_command(command: Command) -> None:
    text = command.text.strip()
    if any(re.fullmatch(pattern, text) for pattern in (*RUN_FROM_THE_PAGE, *RUN_FROM_PROSE)):
        return
    if command in PROSE and any(f"{one.text} ".startswith(f"{text} ") for one in BLOCKS):
        return  # named without its arguments
    covered = [test for pattern, test in RUN_BY.items() if re.fullmatch(pattern, text)]
    if not covered:
        assert any(re.fullmatch(pattern, text) for pattern in LONG), (
            f"nothing runs `{command}`: let tests/end_to_end/test_doc_commands.py run it (RUN_FROM_…), or name "
            "the test that does (RUN_BY), or say why it takes too long (LONG)"
        )
    for place, words in covered:
        path, _, name = place.partition("::")
        source = (ROOT / path).read_text(encoding="utf-8")
        assert words in source, f"{path} does not run {words}"
        assert name == "*" or f"def {name}(" in source


@pytest.mark.parametrize("command", sorted({*BLOCKS, *PROSE}, key=str), ids=str)
def test_every_command_is_understood_by_its_program(command: Command, tmp_path: Path) -> None:
    program, *words = command.words
    if program == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert set(words) <= set(targets)
    elif program == "dlfd":
        _parse_with_typer(words)
    elif program == "dvc":
        from dvc.cli import parser

        parser.get_main_parser().parse_args(words)
    elif program == "python":
        _, module, *_ = words
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file() or (ROOT / module.replace(".", "/")).is_dir()
    _check_settings(words, tmp_path)


def _parse_with_typer(words: list[str]) -> None:
    """Names, options and types, as far as the command's body; nothing is run."""
    from stages.cli import app

    command, name = typer.main.get_command(app), "dlfd"
    whole = True
    while isinstance(command, click.Group) or hasattr(command, "commands"):
        if not words:
            whole = False
            break
        name, *words = words
        assert name in command.commands, f"there is no `{name}`"
        command = command.commands[name]
    if whole and words:  # in prose a command may be named without its arguments
        command.make_context(name, list(words))


def _check_settings(words: list[str], folder: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for told in doc_commands.with_settings(params, doc_commands.settings_of(words)):
        (folder / "params.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
        config.check(folder / "params.yaml")


def test_messages_of_the_troubleshooting_page_are_ours() -> None:
    """Each part of a quoted message stands in the code, or in DVC's."""
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    ours, dvc = page.split("## What DVC says")
    code = "\n".join(_strings(path) for folder in ("pipeline", "stages") for path in (ROOT / folder).rglob("*.py"))
    messages = re.findall(r"^\| `([^`]+)` \|", ours, re.MULTILINE)
    assert len(messages) > 20
    parts = [(message, part.strip(" ()?")) for message in messages for part in message.split("…")]
    assert not [(message, part) for message, part in parts if _plain(part) not in _plain(code)]
    from dvc import lock, rwlock

    theirs = "".join(Path(module.__file__).read_text(encoding="utf-8") for module in (lock, rwlock))
    for message in re.findall(r"^\| `(Unable[^`]+)` \|", dvc, re.MULTILINE):
        assert message in theirs


def _strings(path: Path) -> str:
    """Texts of a module; a value that is filled in becomes a space."""
    texts = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            texts.append("".join(one.value if isinstance(one, ast.Constant) else "\0" for one in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.append(node.value)
    return "\n".join(texts)


def _plain(text: str) -> str:
    """Without what is filled in."""
    return re.sub(r"\s+", " ", re.sub(r"[`\0]|\b1 (?=problem)|\S*\.dlfd-salt", "", text)).strip(" ,")


def test_the_readme_runs_all_methods_at_once() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"All (\w+) methods at once.*?unlearn\.methods=\[([\w,]+)\]", page, re.DOTALL)
    assert found is not None
    words = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"]
    assert set(found[2].split(",")) == set(config.method_names())
    assert found[1] == words[len(config.method_names()) - 10]


def test_every_attack_is_explained() -> None:
    page = (ROOT / "docs/audits.md").read_text(encoding="utf-8")
    table = page.split("## Attacks")[1].split("\n## ")[0]
    rows = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert rows == {*SIGNALS, *RELATIVE}


def test_every_source_but_the_embedded_one_stands_in_the_readme() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"^\| data set \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    assert table is not None
    assert len(table[1].splitlines()) == len(set(SOURCES) - {"synthetic"})


def test_the_example_of_a_source_reads_a_folder(tmp_path: Path) -> None:
    module: dict[str, object] = {}
    exec(_example('"""Badges'), module)  # a page of this repository
    folder = tmp_path / "sales"
    folder.mkdir()
    for name in ("ann_female", "bob_male"):
        Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(folder / f"{name}.jpg")
    assert module["recognises"](tmp_path)  # type: ignore[operator]
    found = module["read"](tmp_path)  # type: ignore[operator]
    assert list(found.table["person"]) == ["ann", "bob"]
    assert list(found.table["gender"]) == [0, 1]
    assert found.image(0).shape == (8, 8, 3)
    (folder / "carl_x.jpg").write_bytes(b"")
    with pytest.raises(Exception, match=r"no gender: sales/carl_x\.jpg"):
        module["read"](tmp_path)  # type: ignore[operator]


def test_the_example_of_a_metric_has_a_known_value() -> None:
    module: dict[str, object] = {"np": np, "pd": pd}
    exec(_example("def calibration_gap"), module)  # a page of this repository
    loss = -np.log([0.9, 0.9, 0.5])
    table = pd.DataFrame({"subset": ["unseen", "unseen", "retain"], "loss": loss, "correct": [True, False, True]})
    assert module["calibration_gap"](table) == pytest.approx(0.4)  # type: ignore[operator]


def _example(start: str) -> str:
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    found = re.search(rf"```python\n({re.escape(start)}.*?)```", page, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_site_builds_without_a_broken_link(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="`pip install mkdocs-material`")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr  # not --quiet, which hides broken links from mkdocs' own strictness
    built = {path.stem for path in (tmp_path / "site").glob("*.html")} - {"404"}
    assert built == {"index" if page.stem == "README" else page.stem.lower() for page in PAGES}
    home = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert 'href="tutorial.html"' in home, "links of the README lead to pages of the site"
    assert not re.findall(r'<(?:script|link)[^>]+(?:src|href)="https?:[^"]+\.(?:js|css)', home), "it works offline"
