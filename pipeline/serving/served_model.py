"""A face classifier as an MLflow model that anyone can serve: picture files -> labels and probabilities.

It is the pipeline's own model folder (safetensors and JSON) with the few modules that read it: no pickle anywhere, and
this project need not be installed where it is served. `served_entry` says what goes in and out.
"""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd
from mlflow.entities import LoggedModelOutput, Metric
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType

from pipeline.hashes import file_hash
from pipeline.learning import models
from pipeline.serving import prediction
from pipeline.tracking.tracking_store import Store

PACKAGE = Path(__file__).parents[1]
ENTRY = PACKAGE / "serving/served_entry.py"
CODE = (  # what the entry imports of this package, directly or not; a test loads a model with nothing else
    "__init__.py",
    "errors.py",
    "hashes.py",
    "data/__init__.py",
    "data/images.py",
    "data/tasks.py",
    "learning/__init__.py",
    "learning/architectures.py",
    "learning/models.py",
    "learning/weights_file.py",
    "serving/__init__.py",
    "serving/prediction.py",
)
REQUIREMENTS = ("mlflow", "torch", "torchvision", "numpy", "pandas", "pillow", "safetensors")
LIMITS = {"max_pictures": 1000, "max_bytes": prediction.MAX_BYTES}  # of a request, of one of its pictures
MODEL = "artifacts/model"  # the model folder in a version's artifacts
EXAMPLE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mNoaGgAAAMEAYF1LgG8AAAAAElFTkSuQmCC"  # a grey PNG


def code_hash() -> str:
    """SHA-256 of the code that a version carries."""
    return file_hash(ENTRY, *(PACKAGE / name for name in CODE))


def log(
    store: Store,
    folder: Path,
    info: Mapping[str, Any],
    figures: Mapping[str, float],
    tags: dict[str, str],
    run_id: str | None,
    extra_files: Sequence[Path] = (),
) -> str:
    """Write the model to MLflow's artifacts; runs inside `Store.call` and `Store.fluent`.

    Args:
        folder: the model folder.
        info: its model.json.
        figures: shown beside the model.
        run_id: of the run that made it, if any.
        extra_files: kept with the model folder, for others than who serves it.

    Returns:
        The id of MLflow's logged model.
    """
    client = store.client
    logged = client.create_logged_model(store.experiment, tags["method"], run_id, tags=tags)
    with _described(folder, info, extra_files) as told:
        mlflow.pyfunc.log_model(model_id=logged.model_id, **told)
    if run_id is not None:
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        now = logged.creation_timestamp
        client.log_batch(run_id, [Metric(k, v, now, 0, model_id=logged.model_id) for k, v in figures.items()])
    return str(logged.model_id)


def save(folder: Path, info: Mapping[str, Any], target: Path) -> None:
    """Write the model into a folder of its own, which `mlflow models serve -m` takes as well."""
    with _described(folder, info) as told:
        mlflow.pyfunc.save_model(target, **told)


@contextlib.contextmanager
def _described(folder: Path, info: Mapping[str, Any], extra_files: Sequence[Path] = ()) -> Iterator[dict[str, Any]]:
    """What MLflow wants to know, for as long as the files lie ready for it."""
    with tempfile.TemporaryDirectory(prefix="dlfd-") as scratch, _quiet():
        model, code = Path(scratch) / "model", Path(scratch) / "code" / PACKAGE.name
        wanted = {model / name: folder / name for name in (models.WEIGHTS, models.INFO)}
        wanted |= {model / path.name: path for path in extra_files} | {code / name: PACKAGE / name for name in CODE}
        for target, source in wanted.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        yield {
            "python_model": str(ENTRY),
            "artifacts": {"model": str(model)},
            "code_paths": [str(code)],
            "model_config": LIMITS,
            "signature": _signature([str(name) for name in info["classes"]]),
            "input_example": pd.DataFrame({"image": [EXAMPLE]}),
            "pip_requirements": [f"{name}=={version(name).partition('+')[0]}" for name in REQUIREMENTS],
        }


def _signature(classes: list[str]) -> ModelSignature:
    probabilities = (ColSpec(DataType.double, f"probability_{name}", required=False) for name in classes)
    label, error = (ColSpec(DataType.string, name, required=False) for name in ("label", "error"))
    return ModelSignature(Schema([ColSpec(AnyType(), "image")]), Schema([label, *probabilities, error]))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without MLflow's hints; errors come as exceptions."""
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
