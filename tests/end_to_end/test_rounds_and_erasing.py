"""A second round from the model in service, the first one's persons audited; then `dlfd erase`, killed and repeated."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from checkouts import Checkout, Done, accepted
from PIL import Image

from pipeline.erasure import ledger, requests
from pipeline.registry.version_files import MLFLOWS_OWN

pytestmark = pytest.mark.end_to_end
NAME = "unlearned-face-classifier"
PERSONS = 20  # from here on the gate goes by scores, which these settings let pass
FIRST_ROUND = f"""
from pipeline import config
from pipeline.erasure import progress
from pipeline.registry import evidence, gate
decision = gate.Decision("finetune", {{"finetune": []}}, "NoMUS")
evidence.attach("{NAME}", 1, evidence.gather("finetune", config.load(), decision))
progress.of_method("finetune", "{NAME}/1", {{"verdict": "forgotten"}})
"""


@dataclass(frozen=True)
class Rounds:
    """A checkout after its second round: who was forgotten when, and the start's weights."""

    checkout: Checkout
    earlier: list[str]
    new: list[str]
    weights: str
    done: Done


def dlfd(checkout: Checkout, *arguments: str, check: bool = True) -> Done:
    return checkout.run("dlfd", *arguments, check=check, PYTHONPATH=str(checkout.root))


def known(checkout: Checkout) -> list[requests.Request]:
    files = [checkout.root / name for name in ("requests.csv", "requests_progress.csv")]
    return requests.fold(event for file in files for event in ledger.read(file).events)


def persons(checkout: Checkout, subset: str) -> list[str]:
    table = pd.read_parquet(checkout.root / "workspace/splits/splits.parquet")
    return sorted(table.loc[table["subset"] == subset, "person"].unique())


@pytest.fixture(scope="module")
def rounds(copied: Callable[..., Checkout]) -> Rounds:
    """Of the random share that the first run forgot 20 ask afterwards; it is put into service. Then 20 others ask."""
    checkout = copied()
    checkout.set(unlearn__methods=["finetune"])
    checkout.run("dvc", "remote", "add", "--default", "--quiet", "shelf", str(checkout.root.parent / "shelf"))
    version = next(
        one
        for one in checkout.mlflow.search_model_versions("")
        if one.tags["method"] in ("finetune", "dlfd", "neggrad")
    )
    earlier = persons(checkout, "forget")[:PERSONS]
    dlfd(checkout, "request", "add", *earlier, "--reason", "first")
    told = FIRST_ROUND.replace('"finetune"', repr(version.tags["method"]))
    checkout.run("python", "-c", told, PYTHONPATH=str(checkout.root))
    dlfd(checkout, "models", "promote", "1", "--yes")
    weights = version.tags["weights_sha256"]
    new = persons(checkout, "retain")[:PERSONS]
    dlfd(checkout, "request", "add", *new, "--reason", "second")
    checkout.set(unlearn__start_from="champion")
    dlfd(checkout, "round", "start")
    checkout.commit()
    return Rounds(checkout, earlier, new, weights, checkout.dvc("repro"))


def test_the_round_starts_from_the_model_in_service(rounds: Rounds) -> None:
    checkout = rounds.checkout
    assert checkout.json("erasure/round.json")["model"] == f"{NAME}/1"
    assert checkout.weights("original") == rounds.weights
    assert checkout.weights("finetune") != rounds.weights
    assert checkout.json("workspace/models/original/model.json")["seconds"] == 0
    assert "started_from" in checkout.json("workspace/models/original/model.json")


def test_the_new_ones_alone_are_forgotten_and_nobody_changes_sides(rounds: Rounds) -> None:
    checkout = rounds.checkout
    assert persons(checkout, "forget") == rounds.new
    assert persons(checkout, "forgotten") == rounds.earlier
    assert checkout.json("workspace/models/finetune/model.json")["persons_forgotten"] == 2 * PERSONS
    sides = pd.read_csv(checkout.root / "workspace/splits/sides.csv").set_index("person")["side"]
    table = pd.read_parquet(checkout.root / "workspace/splits/splits.parquet").set_index("person")
    held_out = table["subset"].isin(["test", "unseen"])
    assert (sides[table.index[held_out]] == "pool").all()


def test_persons_of_the_first_round_are_audited_again(rounds: Rounds) -> None:
    figures = rounds.checkout.json("metrics/finetune.json")
    assert figures["forgotten_persons"] == figures["persons_audited"] == PERSONS
    assert 0 <= figures["forgotten_auc_low"] <= figures["forgotten_auc"] <= figures["forgotten_auc_high"] <= 1
    html = (rounds.checkout.root / "reports/report.html").read_text(encoding="utf-8")
    assert "earlier rounds, persons found" in html
    states = {one.reason: one for one in known(rounds.checkout)}
    version = accepted(rounds.checkout)["version"]
    assert f"{NAME}/{version}" in states["first"].unlearned_by(), "the new version has forgotten them too"


def test_after_the_round_there_is_nothing_to_do(rounds: Rounds) -> None:
    assert rounds.checkout.dvc("repro").stages == []


@pytest.fixture(scope="module")
def erased(rounds: Rounds) -> tuple[Rounds, Done, np.ndarray]:
    """Everything pushed to a remote, an experiment queued and a run deleted softly; erased at the second attempt."""
    checkout = rounds.checkout
    accepted(checkout)
    table = pd.read_parquet(checkout.root / "workspace/faces/table.parquet")
    row = table.index[table["person"] == rounds.new[0]][0]
    face = np.load(checkout.root / "workspace/faces/images.npy")[row]
    dlfd(checkout, "models", "promote", "--yes")
    checkout.dvc("push")
    checkout.commit()
    checkout.dvc("exp", "run", "--queue", "-S", "seed=1")
    with_pictures = next(run for run in checkout.mlflow_runs()[1] if run.data.tags["stage"] == "download")
    checkout.mlflow.delete_run(with_pictures.info.run_id)
    before = checkout.contents(".")
    dry = dlfd(checkout, "erase")
    assert "Nothing of this has been done yet" in dry.out
    assert f"{2 * PERSONS} request(s); {NAME}/2 stays in service" in dry.out
    changed = {name for name, digest in checkout.contents(".").items() if before.get(name) != digest}
    their_own = {name for name in changed if name.startswith(("mlflow.db", ".dvc/tmp")) or name.endswith(MLFLOWS_OWN)}
    assert changed == their_own, "a dry run: what DVC and MLflow keep for themselves"
    killed_at(checkout, "building the store")
    assert "data erased" not in {one.state for one in known(checkout)}
    return rounds, dlfd(checkout, "erase", "--yes"), face


def killed_at(checkout: Checkout, moment: str) -> None:
    """`dlfd erase --yes`, with all that it has started, killed when it says so."""
    environment = checkout.environment(PYTHONPATH=str(checkout.root), PYTHONUNBUFFERED="1")
    started = subprocess.Popen(
        ["dlfd", "erase", "--yes"],
        cwd=checkout.root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert started.stdout is not None
    said = []
    for line in started.stdout:
        said.append(line)
        if moment in line:
            break
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert moment in said[-1], "".join(said)


def test_the_requests_are_closed_and_what_shows_it_is_kept(erased: tuple[Rounds, Done, np.ndarray]) -> None:
    rounds, done, _ = erased
    checkout = rounds.checkout
    assert {one.state for one in known(checkout)} == {"data erased"}
    assert ": 0 found" in done.out
    assert checkout.json("metrics/finetune.json")["forgotten_persons"] == PERSONS


def test_models_that_remember_are_gone_and_the_champion_serves(erased: tuple[Rounds, Done, np.ndarray]) -> None:
    checkout = erased[0].checkout
    versions = checkout.mlflow.search_model_versions("")
    assert [
        (int(one.version), int(checkout.mlflow.get_model_version_by_alias(NAME, "champion").version))
        for one in versions
    ] == [(2, 2)]
    kept = {path.name for path in (checkout.root / "mlartifacts/models").iterdir()}
    assert kept == {versions[0].source.rpartition("/")[2]}
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(checkout.root.parent / "noise.png")
    assert "noise.png" in dlfd(checkout, "predict", str(checkout.root.parent / "noise.png")).out


def test_nothing_is_left_in_cache_remote_and_experiments(erased: tuple[Rounds, Done, np.ndarray]) -> None:
    checkout = erased[0].checkout
    assert checkout.run("git", "for-each-ref", "refs/exps").out == ""
    assert not [path for path in (checkout.root / ".dvc/cache/runs").rglob("*") if path.is_file()]
    table = pd.read_parquet(checkout.root / "workspace/faces/table.parquet")
    assert not set(table["person"]) & {*erased[0].earlier, *erased[0].new}
    assert len(table) == 300 - 2 * 2 * PERSONS
    dry = checkout.dvc("gc", "--workspace", "--dry")
    assert "Removed" not in dry.out + dry.err
    assert dlfd(checkout, "scan").code == 0


@pytest.mark.parametrize("place", [".dvc/cache/files/md5/ab", "mlartifacts/models", "../shelf", "workspace"])
def test_a_leftover_is_found_wherever_it_lies(erased: tuple[Rounds, Done, np.ndarray], place: str) -> None:
    rounds, _, face = erased
    left = rounds.checkout.root / place / "left"
    left.parent.mkdir(parents=True, exist_ok=True)
    with left.open("wb") as file:
        np.save(file, face[None])
    done = dlfd(rounds.checkout, "scan", check=False)
    left.unlink()
    assert done.code == 1
    assert f"{left.resolve()}: a picture of an erased person" in done.err
    assert rounds.new[0] not in done.err


def test_the_pipeline_goes_on_and_nobody_changes_sides(erased: tuple[Rounds, Done, np.ndarray]) -> None:
    checkout = erased[0].checkout
    checkout.set(validate__min_images_per_subset=1)  # nearly all of the random forget set had asked
    done = checkout.dvc("repro", "train@original")
    assert done.stages == ["settings", "split", "validate", "base", "train@original"], "the store was built by erase"
    champion = checkout.mlflow.get_model_version_by_alias(NAME, "champion")
    assert checkout.weights("original") == champion.tags["weights_sha256"]
    before = pd.read_csv(checkout.root / "erasure/sides.csv").set_index("person")["side"]
    assert len(before) == 150
    assert "forgotten" not in set(pd.read_parquet(checkout.root / "workspace/splits/splits.parquet")["subset"])
    assert "nothing to erase" in dlfd(checkout, "erase").out


def test_a_person_cannot_ask_twice_once_erased(erased: tuple[Rounds, Done, np.ndarray]) -> None:
    done = dlfd(erased[0].checkout, "request", "add", erased[0].new[0], check=False)
    assert done.code == 1
    assert "is not in the store" in done.err
