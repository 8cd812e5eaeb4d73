"""What was run: data, settings and their meaning."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
import tiny_report as tiny
import yaml
from report_page import words, write

from pipeline import layout
from pipeline.config import Params
from pipeline.report import charts, knobs, page
from pipeline.settings import SplitSettings

ROOT = Path(__file__).parents[2]


def test_persons_who_are_named_in_params_are_counted_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.make()
    split = SplitSettings(forget_persons=["p003", "p004"])
    monkeypatch.setattr(tiny, "Params", lambda **other: Params(split=split, **other))
    page.write(tiny.read(), layout.REPORTS / "report.html")
    html = (layout.REPORTS / "report.html").read_text(encoding="utf-8")
    assert "split.forget_persons 2 person(s)" in words(html)
    assert "p003" not in html.replace(charts.javascript(), "")


def test_what_was_run_is_told() -> None:
    html = write()
    told = words(html)
    assert "git revision abc1234" in told
    assert re.search(r"split, SHA-256 [0-9a-f]{64}", told)
    for name in ("Python 3.", "torch ", "mlflow "):
        assert name in told
    assert "dlfd.forgetting_threshold 0.05" in told, "as the model was made"
    assert "train.epochs 30" in told


def test_the_hash_of_the_data_depends_on_every_picture() -> None:
    first = re.search(r"data, SHA-256 (\w+)", words(write()))
    table = pd.read_parquet(layout.FACES / "table.parquet")
    table.loc[3, "content"] = "other"
    table.to_parquet(layout.FACES / "table.parquet")
    page.write(tiny.read(), layout.REPORTS / "report.html")
    second = re.search(r"data, SHA-256 (\w+)", words((layout.REPORTS / "report.html").read_text(encoding="utf-8")))
    assert first is not None
    assert second is not None
    assert first[1] != second[1]


def test_the_page_says_when_it_was_written() -> None:
    told = re.search(r"page written at (\d{4}-\d\d-\d\d \d\d:\d\d) UTC", words(write()))
    assert told is not None
    written = datetime.fromisoformat(f"{told[1]}+00:00")
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=5)


def test_every_parameter_has_its_meaning_beside_it(tmp_path: Path) -> None:
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    html = write(("finetune", "dlfd", "cf_k"))
    (table,) = re.findall(r"<summary>Parameters</summary>(.*?)</details>", html, re.DOTALL)
    rows = re.findall(r'<th scope="row">(.+?)</th><td>.*?</td><td class="about-it">(.*?)</td>', table, re.DOTALL)
    assert len(rows) > 30
    assert [name for name, told in rows if not told] == []
    assert dict(rows)["dlfd.epochs"] == "passes over retain"
    assert dict(rows)["finetune.epochs"] == "passes over the pictures", "as `train:` says"


def test_every_knob_of_params_yaml_is_explained() -> None:
    path = ROOT / "params.yaml"
    known = knobs.meanings(path)
    sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    names = {
        f"{name}.{key}" if key else name
        for name, section in sections.items()
        for key in (section if isinstance(section, dict) else [""])
    }
    assert {name for name in names if not knobs.meaning(name, known)} == set()


def test_comments_are_read_with_what_follows_below_and_where_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text(
        "# a head\none: 1  # first\n\ntwo:  # of two\n  a: [x, y]  # long,\n         # and longer\n  b: 2\n"
    )
    assert knobs.meanings(path) == {"one": "first", "two": "of two", "two.a": "long, and longer"}
    assert knobs.meanings(tmp_path / "none.yaml") == {}
