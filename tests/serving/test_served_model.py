"""A registered version: without pickle, and whole without this project."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hostile
import mlflow
import pandas as pd
import pytest
import registry_checkout as tiny
import torch
from mlflow.exceptions import MlflowException

from pipeline import layout
from pipeline.errors import ModelError, RegistryError
from pipeline.hashes import file_hash
from pipeline.learning import models
from pipeline.registry import version_folder, versions
from pipeline.serving import prediction
from pipeline.tracking import tracking_store

CLASSES, SIZE = ["child", "adult"], 32
RAW = [hostile.picture(seed=seed) for seed in range(2)]
ELSEWHERE = """
import json, pickle, sys
import cloudpickle, mlflow, pandas, torch, torchvision

def refuse(*_, **__):
    raise AssertionError("a pickle was loaded")

pickle.load = pickle.loads = cloudpickle.load = cloudpickle.loads = torch.load = refuse
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in str(finder)]
version, picture = sys.argv[1:]
served = mlflow.pyfunc.load_model(version)
import pipeline
print(json.dumps([pipeline.__file__, served.predict(pandas.DataFrame({"image": [picture]})).to_dict("records")]))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With a real model as the only version of `faces`; nothing is in service."""
    folder = tmp_path_factory.mktemp("served")
    with tiny.opened(folder, drawn=False):
        torch.manual_seed(0)
        info = {"architecture": "resnet18", "task": "age", "classes": CLASSES, "image_size": SIZE}
        models.save(models.build("resnet18", 2), layout.MODELS / "dlfd", info | {"persons_forgotten": 2})
        versions.register("faces", layout.MODELS / "dlfd", tiny.metrics())
        yield folder


@pytest.fixture(scope="module")
def version(checkout: Path) -> Path:
    """Its artifacts."""
    with tracking_store.connect().fluent():
        return Path(mlflow.artifacts.download_artifacts("models:/faces/1"))


@pytest.fixture(scope="module")
def service(version: Path) -> Any:
    return mlflow.pyfunc.load_model(str(version))


LEFT = re.compile(r"__pycache__/served_entry\.[\w-]+\.pyc")  # by a load in place, of the code that is there


def test_there_is_no_pickle_in_it(version: Path) -> None:
    files = {path.relative_to(version).as_posix(): path for path in version.rglob("*") if path.is_file()}
    files = {name: path for name, path in files.items() if not LEFT.fullmatch(name)}
    assert "artifacts/model/model.safetensors" in files
    for name, path in files.items():
        known = name.endswith((".py", ".json", ".yaml", ".csv", ".txt", ".safetensors", "MLmodel", "_meta"))
        assert known, f"{name} is of no kind that is known to hold no code of a pickle"
        assert not path.read_bytes().startswith((b"\x80", b"PK\x03\x04")), f"{name} begins like a pickle or torch.save"
    told = (version / "MLmodel").read_text()
    assert "python_model:" not in told, "MLflow's key of a pickled model"
    assert file_hash(files["artifacts/model/model.safetensors"]) == versions.every("faces")[0].tags["weights_sha256"]


def test_it_is_loaded_without_this_project_and_without_pickle(version: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", ELSEWHERE, str(version), base64.b64encode(RAW[0]).decode()]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    where, (row,) = json.loads(done.stdout.splitlines()[-1])
    assert Path(where).is_relative_to(version), "the code is the version's own"
    (local,) = prediction.load(layout.MODELS / "dlfd").answers(RAW[:1])
    assert row["label"] == local.label
    assert row["probability_child"] == pytest.approx(local.probabilities[0], abs=1e-5)


def ask(service: Any, body: dict[str, Any]) -> list[dict[str, Any]]:
    """As over HTTP."""
    from mlflow.pyfunc.scoring_server import invocations

    answer = invocations(json.dumps(body), "application/json", service, service.metadata.get_input_schema())
    found: list[dict[str, Any]] = json.loads(answer.response, parse_constant=pytest.fail)[
        "predictions"
    ]  # NaN is no JSON
    return found


def test_every_form_of_request(service: Any) -> None:
    texts = [base64.b64encode(raw).decode() for raw in RAW]
    wanted = service.predict(pd.DataFrame({"image": RAW})).to_dict("records")
    bodies: list[dict[str, Any]] = [
        {"dataframe_records": [{"image": text} for text in texts]},
        {"dataframe_split": {"columns": ["image"], "data": [[text] for text in texts]}},
        {"inputs": texts},
        {"inputs": {"image": texts}},
        {"instances": texts},
        {"instances": [{"image": text} for text in texts]},
    ]
    for body in bodies:
        found = ask(service, body)
        assert [row["label"] for row in found] == [row["label"] for row in wanted], body
        assert [row["error"] for row in found] == [None, None]
    assert service.metadata.signature.inputs.input_names() == ["image"]
    assert set(service.metadata.signature.outputs.input_names()) == set(wanted[0])


def test_pixels_as_they_come_and_among_files(service: Any) -> None:
    pixels = torch.rand(2, 3, SIZE, SIZE).tolist()
    plain = ask(service, {"inputs": pixels})
    text = base64.b64encode(RAW[0]).decode()
    mixed = ask(service, {"dataframe_records": [{"image": cell} for cell in (pixels[0], text, 7, pixels[1])]})
    assert [mixed[0], mixed[3]] == [
        {**row, **{key: pytest.approx(row[key], abs=1e-5) for key in row if key.startswith("probability")}}
        for row in plain
    ]
    assert mixed[1]["error"] is None
    assert mixed[2] == dict.fromkeys(plain[0]) | {"error": mixed[2]["error"]}
    assert "a int" in mixed[2]["error"]


def test_a_number_without_end_costs_its_own_row_alone(service: Any) -> None:
    cells = [base64.b64encode(RAW[0]).decode(), 10**400, [[[10**400]]]]
    for body in ({"dataframe_records": [{"image": cell} for cell in cells]}, {"inputs": {"image": cells}}):
        whole, number, pixels = ask(service, body)
        assert whole["error"] is None
        assert "a int" in number["error"]
        assert "neither a file nor pixels" in pixels["error"]


def test_a_request_that_is_wrong_as_a_whole_is_refused(service: Any) -> None:
    with pytest.raises(MlflowException, match="1001 pictures in one request, no more than 1000") as refused:
        ask(service, {"inputs": ["AAAA"] * 1001})
    assert refused.value.get_http_status_code() == 400
    with pytest.raises(MlflowException, match=r"missing inputs \['image'\]"):
        ask(service, {"dataframe_records": [{"picture": "AAAA"}]})


def test_who_serves_it_sets_the_limits(version: Path) -> None:
    strict = mlflow.pyfunc.load_model(str(version), model_config={"max_pictures": 1, "max_bytes": 100})
    with pytest.raises(MlflowException, match="no more than 1 are answered"):
        strict.predict(pd.DataFrame({"image": RAW}))
    assert "no more than 100 are read" in strict.predict(pd.DataFrame({"image": RAW[:1]}))["error"][0]


def test_fetching_the_model_folder(checkout: Path, version: Path) -> None:
    with pytest.raises(RegistryError, match="faces has no champion: make one with `dlfd models promote`"):
        version_folder.fetch("faces")
    with pytest.raises(RegistryError, match=r"no version 9 \(it has 1\)"):
        version_folder.fetch("faces", 9)
    with pytest.raises(RegistryError, match="no registered model 'nobody' yet"):
        version_folder.fetch("nobody")
    folder = version_folder.fetch("faces", 1)
    assert prediction.load(folder).classes == CLASSES
    weights = folder / "model.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-4] + b"\0\0\0\1")
    try:
        with pytest.raises(RegistryError, match="weights of version 1 of faces are not those that were registered"):
            version_folder.fetch("faces", 1)
    finally:
        weights.write_bytes(kept)


def test_a_damaged_model_is_not_registered(checkout: Path) -> None:
    info = models.load_info(layout.MODELS / "dlfd")
    models.save(models.build("resnet18", 2), layout.MODELS / "cut", info)
    weights = layout.MODELS / "cut/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="damaged"):
        versions.register("faces", layout.MODELS / "cut", tiny.metrics())
    assert len(versions.every("faces")) == 1
