"""Whatever is wrong: one clear message that names the thing and the remedy, exit code 1, nothing lost."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from checkouts import Checkout, Done

pytestmark = pytest.mark.end_to_end
MODEL = Path("workspace/models/original")
STORE = Path("workspace/faces")
FULL = "/dev/full"  # where every write finds the disk full


@pytest.fixture(scope="module")
def base(copied: Callable[..., Checkout]) -> Checkout:
    """What a stage alone needs."""
    return copied("cache", "mlartifacts", "mlflow.db*", "evaluation", "retrained", "finetune", "neggrad", "dlfd", "tmp")


@pytest.fixture
def checkout(base: Checkout) -> Iterator[Checkout]:
    """After the test: everything as before it, and the disk free of what was broken."""
    kept, told = base.root.with_name("kept"), (base.root / "params.yaml").read_text(encoding="utf-8")
    shutil.copytree(base.root / "workspace", kept)
    yield base
    shutil.rmtree(base.root / "workspace")
    kept.rename(base.root / "workspace")
    (base.root / "params.yaml").write_text(told, encoding="utf-8")


def refused(done: Done, *words: str) -> None:
    """One message, on stderr, with these words in it; no traceback."""
    assert done.code == 1, (done.code, done.err)
    told = re.sub(r"\x1b\[\d*m", "", done.err)
    assert "Traceback" not in told
    assert told.count("error: ") == 1, told
    message = told[told.index("error: ") :]
    assert len(message.strip().splitlines()) <= 3, told
    for word in words:
        assert word in message, f"{word!r} is not in:\n{told}"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"split__test_fractoin": 0.2}, ("split.test_fractoin", "unknown key", "'test_fraction'")),
        ({"trian": {"epochs": 3}}, ("trian", "unknown key", "'train'")),
        ({"split__forget_fraction": 1.5}, ("split.forget_fraction", "less than 1", "got 1.5")),
        ({"train__epochs": "many"}, ("train.epochs", "integer", "got 'many'")),
        ({"unlearn__methods": ["dlfd", "negrad"]}, ("unlearn.methods", "'negrad'", "'neggrad'")),
        ({"split__forget_persons": ["p00001"]}, ("split.forget_persons", "'p00001'", "'p0001'")),
        ({"task": "height"}, ("task", "'age'", "got 'height'")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_settings(checkout: Checkout, setting: dict[str, Any], words: tuple[str, ...]) -> None:
    checkout.set(**setting)
    before = checkout.contents("workspace")
    refused(checkout.stage("split"), *words)
    assert checkout.contents("workspace") == before


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"dlfd__ot_wieght": 2}, ("dlfd.ot_wieght", "unknown key", "'ot_weight'")),
        ({"scrub__msteps": -1}, ("scrub.msteps", "greater than or equal to 0")),  # of a method that is not chosen
        ({"model__architecture": "resnet81"}, ("model.architecture", "'resnet81'", "resnet18")),
        ({"model__weights": "nowhere.pth"}, ("model.weights", "nowhere.pth")),
        ({"trian": {"epochs": 3}}, ("trian", "unknown key", "'train'")),
    ],
)
def test_a_slip_is_found_by_dvc_repro_before_any_work(
    checkout: Checkout, setting: dict[str, Any], words: tuple[str, ...]
) -> None:
    checkout.set(**setting)
    before = checkout.contents("workspace/models")
    done = checkout.dvc("repro", check=False)
    assert done.stages == ["settings"]
    told = re.sub(r"\x1b\[\d*m", "", done.err)
    assert done.code != 0
    for word in words:
        assert word in told
    assert "Traceback" not in told
    assert checkout.contents("workspace/models") == before


def test_a_gpu_that_is_not_there(checkout: Checkout) -> None:
    checkout.set(device="cuda")
    done = checkout.stage("train", "--model", "original", CUDA_VISIBLE_DEVICES="")
    refused(done, "device: cuda", "auto")


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_damaged_model(checkout: Checkout, name: str) -> None:
    path = checkout.root / MODEL / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(checkout.stage("unlearn", "--method", "neggrad"), str(MODEL / name), "damaged", "dvc repro")


def test_a_missing_store(checkout: Checkout) -> None:
    before = checkout.contents(str(MODEL))
    shutil.rmtree(checkout.root / STORE)
    refused(checkout.stage("unlearn", "--method", "neggrad"), str(STORE), "not found", "dvc repro download")
    assert checkout.contents(str(MODEL)) == before


def test_a_damaged_picture_file(checkout: Checkout) -> None:
    path = checkout.root / STORE / "images.npy"
    path.write_bytes(path.read_bytes()[:5000])
    refused(checkout.stage("unlearn", "--method", "neggrad"), str(STORE / "images.npy"), "dvc repro")


@pytest.mark.parametrize("stage", [("unlearn", "--method", "neggrad"), ("evaluate", "--model", "original")])
def test_an_empty_forget_set(checkout: Checkout, stage: tuple[str, ...]) -> None:
    path = checkout.root / "workspace/splits/splits.parquet"
    splits = pd.read_parquet(path)
    splits[splits["subset"] != "forget"].to_parquet(path, index=False)
    refused(checkout.stage(*stage), "forget", "split:")


def test_a_forget_set_without_anybody_is_refused_when_it_is_made(checkout: Checkout) -> None:
    checkout.set(split__forget_fraction=0.0001)
    refused(checkout.stage("split"), "no image in forget", "split:")


def test_a_tracking_server_that_does_not_answer(checkout: Checkout) -> None:
    before = checkout.contents("workspace")
    done = checkout.stage("split", DLFD_TRACKING="on", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    refused(done, "http://127.0.0.1:9", "Start the server", "DLFD_TRACKING=off")
    assert checkout.contents("workspace") == before, "it is said before the work"


@pytest.mark.skipif(not Path(FULL).exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("workspace/splits/splits.json", ("split",)),
        ("workspace/splits/splits.parquet", ("split",)),
        ("workspace/checkpoints/original.unfinished", ("train", "--model", "original")),
        ("workspace/models/neggrad/model.safetensors", ("unlearn", "--method", "neggrad")),
        ("workspace/models/neggrad/history.csv", ("unlearn", "--method", "neggrad")),
    ],
)
def test_a_full_disk(checkout: Checkout, path: str, stage: tuple[str, ...]) -> None:
    target = checkout.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(FULL)
    before = checkout.contents(str(MODEL)) | checkout.contents(str(STORE))
    refused(checkout.stage(*stage), "the disk is full", "Free some space")
    assert checkout.contents(str(MODEL)) | checkout.contents(str(STORE)) == before
    assert Path(FULL).is_char_device()
