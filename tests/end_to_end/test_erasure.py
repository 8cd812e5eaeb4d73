"""A request to be forgotten, from the letter to a model in service: `dlfd request`, `dvc repro`, `dlfd models`."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import traces
from checkouts import Checkout, Done, accepted

from pipeline.erasure import ledger, requests

pytestmark = pytest.mark.end_to_end
METHODS = ("finetune",)
PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checkout(copied: Callable[..., Checkout]) -> Checkout:
    """A clone whose first run, of nobody by name, is committed."""
    checkout = copied()
    checkout.set(unlearn__methods=list(METHODS))
    checkout.commit()
    return checkout


@pytest.fixture(scope="module")
def person(checkout: Checkout) -> str:
    """Somebody who was held out so far, of the most common age."""
    table = pd.read_parquet(checkout.root / "workspace/splits/splits.parquet")
    common = table["label"].mode()[0]
    ages = table.groupby("person")["label"].agg(["min", "max"])
    same = ages.index[(ages["min"] == common) & (ages["max"] == common)]
    return str(table.loc[table["person"].isin(same) & (table["subset"] == "test"), "person"].iloc[0])


@pytest.fixture(scope="module")
def request_id(checkout: Checkout, person: str) -> str:
    done = dlfd(checkout, "request", "add", person, "--reason", "by letter")
    assert "received" in dlfd(checkout, "request", "list").out
    return done.out.split()[1].rstrip(":")


@pytest.fixture(scope="module")
def forgotten(checkout: Checkout, request_id: str) -> Done:
    """`dvc repro` after the request."""
    return checkout.dvc("repro")


def dlfd(checkout: Checkout, *arguments: str) -> Done:
    return checkout.run("dlfd", *arguments, PYTHONPATH=str(checkout.root))


def retained(checkout: Checkout) -> set[str]:
    table = pd.read_parquet(checkout.root / "workspace/splits/splits.parquet")
    return set(table.loc[table["subset"] == "retain", "person"])


def known(checkout: Checkout) -> list[requests.Request]:
    files = [checkout.root / name for name in ("requests.csv", "requests_progress.csv")]
    return requests.fold(event for file in files for event in ledger.read(file).events)


def test_the_person_alone_is_forgotten(checkout: Checkout, person: str, forgotten: Done) -> None:
    assert "split" in forgotten.stages
    assert "train@original" in forgotten.stages
    table = pd.read_parquet(checkout.root / "workspace/splits/splits.parquet")
    assert set(table.loc[table["subset"] == "forget", "person"]) == {person}
    assert (table["subset"] == "unseen").sum() >= 5
    for method in METHODS:
        told = checkout.json(f"workspace/models/{method}/model.json")
        assert told["persons_forgotten"] == 1


def test_what_cannot_be_said_of_one_person_is_no_number_and_the_rest_is_said(
    checkout: Checkout, forgotten: Done
) -> None:
    for method in METHODS:
        figures = checkout.json(f"metrics/{method}.json")
        assert np.isnan([figures["mia_accuracy"], figures["nomus"], figures["validation_nomus"]]).all()
        assert figures["verdict"] == "too few persons"
        assert 0 <= figures["validation_person_nomus"] <= 1
        assert (figures["persons_audited"], figures["validation_persons"]) == (1, 1)
    html = (checkout.root / "reports/report.html").read_text(encoding="utf-8")
    for told in (forgotten.out, html):
        assert "too few persons" in told
    assert "places of 1 forgotten person(s) among those of validation" in html


def test_a_model_is_registered_and_the_request_says_so(checkout: Checkout, request_id: str, forgotten: Done) -> None:
    told = accepted(checkout)
    assert told["basis"].startswith("places of 1 forgotten person(s) among those of validation")
    (one,) = known(checkout)
    assert one.id == request_id
    assert one.state in ("unlearned", "verified")
    assert one.model == f"unlearned-face-classifier/{told['version']}"
    assert list(told["requests"]) == [request_id]
    ranked = pd.read_csv(checkout.root / f"workspace/evaluation/{told['accepted']}/persons.csv")
    assert ranked["person"].tolist() == [one.person]
    assert (one.state == "verified") == (not ranked["detected"][0])
    shown = dlfd(checkout, "request", "show", request_id).out
    assert one.state in shown
    assert one.model in shown


def test_a_second_repro_has_nothing_to_do(checkout: Checkout, forgotten: Done) -> None:
    done = checkout.dvc("repro")
    assert done.stages == []
    assert "up to date" in done.out + done.err


def test_nothing_that_was_written_names_or_shows_the_person(
    checkout: Checkout, person: str, first_run: Done, forgotten: Done
) -> None:
    """But for the store: MLflow's database and artifacts, reports, plots, metrics, dvc.lock, models, logs."""
    tracked = checkout.run("git", "ls-files", "-co", "--exclude-standard").out.split()
    assert "requests.csv" in tracked
    assert ".dlfd-salt" not in tracked
    files = traces.written(checkout.root, PROJECT)
    for log in (first_run, forgotten):
        files |= {f"stdout of {' '.join(log.stages[:2])} …": log.out.encode(), "stderr": log.err.encode()}
    looked_at = ("mlflow.db", "dvc.lock", "requests.csv", "metrics/finetune.json", "reports/report.html")
    assert set(looked_at) <= files.keys()
    for kind in ("mlartifacts/*/report.html", "mlartifacts/*/data_docs/*", "workspace/evaluation/*/persons.csv"):
        assert any(fnmatch(name, kind) for name in files), kind
    table = pd.read_parquet(checkout.root / "workspace/faces/table.parquet")
    own = table[table["person"] == person]
    salt = (checkout.root / ".dlfd-salt").read_text().strip()
    assert traces.words(files, [person, *own["source"], salt]) == []
    faces = np.load(checkout.root / "workspace/faces/images.npy", mmap_mode="r")
    assert traces.pictures(files, np.array(faces[own["image"].to_numpy()])) == []
    other = table[(table["person"] != person) & table["person"].isin(retained(checkout))]
    page = {"report.html": files["reports/report.html"]}
    assert traces.pictures(page, np.array(faces[other["image"].to_numpy()[:1]])), "whom the page does show is found"


def test_from_a_temporary_folder_the_ledger_and_the_salt_of_the_checkout_are_used(
    checkout: Checkout, request_id: str, forgotten: Done
) -> None:
    checkout.commit()
    before = {path: (checkout.root / path).read_bytes() for path in (".dlfd-salt", "requests.csv")}
    checkout.dvc("exp", "run", "--temp", "--name", "stricter", "-S", "register.max_accuracy_drop=0.99")
    assert {path: (checkout.root / path).read_bytes() for path in before} == before
    assert [one.id for one in known(checkout)] == [request_id]


def test_the_certificate_of_what_is_in_service_holds_until_it_is_touched(
    checkout: Checkout, person: str, request_id: str, forgotten: Done, tmp_path: Path
) -> None:
    version = accepted(checkout)["version"]
    made = dlfd(checkout, "certificate", "key", str(tmp_path / "key.pem")).out
    public = made.split("public key ")[1].split()[0]
    checkout.set(seed=7)  # the workspace may move on
    dlfd(checkout, "models", "promote", "--yes", "--key", str(tmp_path / "key.pem"))
    checkout.set(seed=0)
    stem = f"certificates/unlearned-face-classifier-{version}"
    data, page = f"{stem}.json", f"{stem}.html"
    told = checkout.json(data)["certificate"]
    (one,) = told["requests"]
    assert (one["request"], one["person"]) == (request_id, known(checkout)[0].person)
    assert told["evidence"]["parameters"]["seed"] == 0
    metrics = checkout.json("metrics/retrained.json")
    assert told["evidence"]["metrics"]["oracle"]["test_accuracy"] == metrics["test_accuracy"]
    assert told["lineage"]["weights_sha256"] == checkout.weights(accepted(checkout)["accepted"])
    assert told["lineage"]["split_sha256"] == checkout.contents("workspace/splits")["workspace/splits/splits.parquet"]
    for name in (data, page):
        text = (checkout.root / name).read_text(encoding="utf-8")
        assert person not in text
        assert "by letter" not in text
        assert "<img" not in text
        done = dlfd(checkout, "certificate", "verify", name, "--key", public)
        assert f"version {version}: 1 request(s)" in done.out
        (tmp_path / "touched").write_text(text.replace(request_id, "20200101-000000"), encoding="utf-8")
        touched = checkout.run(
            "dlfd", "certificate", "verify", str(tmp_path / "touched"), "--key", public, check=False, PYTHONPATH="."
        )
        assert (touched.code, "changed since it was signed" in touched.err) == (1, True)
    tracked = checkout.run("git", "ls-files", "-co", "--exclude-standard", "certificates").out.split()
    assert sorted(tracked) == [page, data]


def test_in_service_and_what_changes_nothing(checkout: Checkout, request_id: str, forgotten: Done) -> None:
    accepted(checkout)
    dlfd(checkout, "models", "promote", "--yes")
    assert known(checkout)[0].state == "in service"
    other = pd.read_parquet(checkout.root / "workspace/faces/table.parquet")["person"].iloc[-1]
    late = dlfd(checkout, "request", "add", str(other)).out.split()[1].rstrip(":")
    dlfd(checkout, "request", "withdraw", late)
    done = checkout.dvc("repro")
    assert done.stages == ["split", "register"], "the log is longer, whom to forget is the same"
    assert {one.id: one.state for one in known(checkout)} == {request_id: "in service", late: "withdrawn"}
