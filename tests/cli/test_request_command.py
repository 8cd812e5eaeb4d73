"""`dlfd request`: what a person types and is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from tiny_data import make_faces
from typer.testing import CliRunner

from pipeline import layout, pseudonyms
from pipeline.erasure import ledger, requests
from stages.cli import app


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a store of ten persons, of whom p3 and p4 share a picture; commands are given in a folder below it."""
    for name in ("DVC_ROOT", pseudonyms.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / ".dvc").mkdir()
    faces = tmp_path / layout.FACES
    faces.mkdir(parents=True)
    content = [f"{number}" for number in range(20)]
    content[8] = content[7]
    table = make_faces([f"p{number}" for number in range(10) for _ in range(2)], content, [0] * 20)
    table.to_parquet(faces / "table.parquet")
    write_store(faces, len(table))
    (tmp_path / layout.REQUESTS).write_text(ledger.HEADER)
    monkeypatch.chdir(tmp_path / "workspace")
    return tmp_path


def write_store(folder: Path, count: int) -> None:
    import numpy as np

    np.save(folder / "images.npy", np.zeros((count, 2, 2, 3), np.uint8))
    (folder / "dataset.json").write_text(json.dumps({"name": "tiny", "image_size": 2, "images": count, "classes": {}}))


def dlfd(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["request", *arguments])


def known(checkout: Path) -> list[requests.Request]:
    return requests.fold(ledger.read(checkout / layout.REQUESTS).events)


def test_add_list_show_withdraw(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added = dlfd("add", "p1", "p3", "--reason", "by letter", "--due", "2020-01-31")
    assert added.exit_code == 0, added.output
    one, two = sorted(known(checkout), key=lambda request: added.stdout.index(request.id))
    assert f"request {one.id}: p1 ({one.person}), due 2020-01-31" in added.stdout
    assert "Next: dvc repro" in added.stdout
    assert "note: the keys p3, p4 share pictures" in added.stderr
    monkeypatch.chdir(checkout / "workspace")
    dlfd("add", "p5", "--due", "2019-12-31")
    listed = dlfd("list").stdout
    rows = [line for line in listed.splitlines() if "received" in line]
    assert "2019-12-31 (overdue)" in rows[0], "by due date"
    assert all(request.id in listed for request in known(checkout))
    assert "3 open, 3 overdue, 0 closed" in listed
    assert "p1" not in listed.replace(one.id, "").replace(one.person, "")
    shown = dlfd("show", "p1").stdout
    for words in (one.id, "OVERDUE", "state    received", one.person, "by letter", "Next: dvc repro"):
        assert words in shown
    withdrawn = dlfd("withdraw", one.id, "p3")
    assert withdrawn.exit_code == 0, withdrawn.output
    assert withdrawn.stdout.count("is withdrawn") == 2
    assert "1 open, 1 overdue, 2 closed" in dlfd("list").stdout
    assert one.id not in dlfd("list").stdout
    assert one.id in dlfd("list", "--all").stdout
    assert two.id in dlfd("list", "--all").stdout


def test_withdrawing_what_is_unlearned_is_told(checkout: Path) -> None:
    dlfd("add", "p1")
    (one,) = known(checkout)
    event = ledger.Event(one.id, ledger.UNLEARNED, one.person, model="faces/3", time=ledger.now())
    ledger.append(checkout / layout.PROGRESS, lambda events: [event])
    assert "faces/3" in dlfd("show", one.id).stdout
    told = dlfd("withdraw", one.id).stderr
    assert "note: faces/3 has forgotten the person already (unlearned); the next model may learn them again" in told


def test_import_is_all_or_nothing(checkout: Path) -> None:
    file = checkout / "letters.csv"
    file.write_text("person,reason,due\np1,,\np11,,\np2,,yesterday\n")
    refused = dlfd("import", "../letters.csv")
    assert refused.exit_code == 1
    assert refused.stderr.count("error: ") == 1
    assert "letters.csv row 3: 'p11' is not in the store (nearest: 'p1')" in refused.stderr
    assert "letters.csv row 4: 'p2': due 'yesterday'" in refused.stderr
    assert known(checkout) == []
    file.write_text('person,reason,due\np1,,\np2,"twice, by mail",2030-01-01\n')
    assert dlfd("import", str(file)).exit_code == 0
    assert [(request.due, request.reason) for request in known(checkout)][-1] == ("2030-01-01", "twice, by mail")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "p99"), "'p99' is not in the store (nearest: 'p9')"),
        (("add", "p1", "p1"), "'p1' is named 2 times"),
        (("add", "p1", "--due", "soon"), "due 'soon' is no date such as 2026-12-31"),
        (("show", "p9"), "'p9' means no request: see `dlfd request list --all`"),
        (("withdraw", "20261121-000000"), "means no request"),
        (("import", "gone.csv"), "gone.csv cannot be read"),
    ],
)
def test_refusals_name_the_thing_and_change_nothing(checkout: Path, arguments: tuple[str, ...], words: str) -> None:
    before = (checkout / layout.REQUESTS).read_bytes()
    refused = dlfd(*arguments)
    assert refused.exit_code == 1
    assert words in refused.stderr
    assert refused.stdout == ""
    assert (checkout / layout.REQUESTS).read_bytes() == before


def test_without_a_store_it_says_what_to_run(checkout: Path) -> None:
    (checkout / layout.FACES / "dataset.json").unlink()
    refused = dlfd("add", "p1")
    assert refused.exit_code == 1
    assert "dvc repro download" in refused.stderr


def test_a_torn_line_is_told_and_then_cut_off(checkout: Path) -> None:
    dlfd("add", "p1")
    path = checkout / layout.REQUESTS
    path.write_text(path.read_text() + "20261121-00")
    assert "warning: requests.csv: the last line was never finished" in dlfd("list").stderr
    assert "was cut off" in dlfd("add", "p2").stderr
    assert dlfd("list").stderr == ""
    assert len(known(checkout)) == 2


def test_a_lost_salt_is_told(checkout: Path) -> None:
    dlfd("add", "p1")
    (checkout / layout.SALT).unlink()
    refused = dlfd("add", "p2")
    assert refused.exit_code == 1
    assert "is missing: put its copy back" in refused.stderr
    assert len(known(checkout)) == 1
    assert dlfd("list").exit_code == 0, "reading needs no salt"


def test_an_empty_ledger_and_none_at_all(checkout: Path) -> None:
    assert "0 open, 0 overdue, 0 closed" in dlfd("list").stdout
    (checkout / layout.REQUESTS).unlink()
    assert "0 open" in dlfd("list").stdout
    assert dlfd("add", "p1").exit_code == 0
