"""A face classifier as an MLflow model that anyone can serve: pixels [B, 3, H, W] in [0, 1] -> probabilities [B, C]
(of each attribute by itself where there are several).

It is a `torch.export` program (pt2): no pickle, and no code of this project is needed to load it.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import mlflow
import mlflow.pytorch
import numpy as np
import torch
from mlflow.entities import LoggedModelOutput, Metric
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec
from torch import nn

from pipeline.data.tasks import is_multi_label
from pipeline.tracking_store import Store

FLOAT = np.dtype("float32")
EXAMPLES = 2  # exported with one example, the batch size would be frozen at one


def log(
    store: Store,
    model: nn.Module,
    info: Mapping[str, Any],
    figures: Mapping[str, float],
    tags: dict[str, str],
    run_id: str | None,
) -> str:
    """Write the model to MLflow's artifacts; runs inside `Store.call` and `Store.fluent`.

    Args:
        model: logits [B, C] of pixels [B, 3, H, W] in [0, 1].
        info: at least classes and image_size.
        figures: shown beside the model.
        run_id: of the run that made it, if any.

    Returns:
        The id of MLflow's logged model.
    """
    size, classes = int(info["image_size"]), len(info["classes"])
    pixels = TensorSpec(FLOAT, (-1, 3, size, size))
    signature = ModelSignature(Schema([pixels]), Schema([TensorSpec(FLOAT, (-1, classes))]))
    client = store.client
    logged = client.create_logged_model(store.experiment, tags["method"], run_id, tags=tags)
    with _quiet():
        mlflow.pytorch.log_model(
            nn.Sequential(model, _probabilities(str(info.get("task", "")))).eval(),
            model_id=logged.model_id,
            serialization_format="pt2",
            signature=signature,
            input_example=np.full((EXAMPLES, 3, size, size), 0.5, FLOAT),
            pip_requirements=_requirements(),
        )
    if run_id is not None:
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        now = logged.creation_timestamp
        client.log_batch(run_id, [Metric(k, v, now, 0, model_id=logged.model_id) for k, v in figures.items()])
    return str(logged.model_id)


def _probabilities(task: str) -> nn.Module:
    return nn.Sigmoid() if is_multi_label(task) else nn.Softmax(dim=1)


def _requirements() -> list[str]:
    """What serving needs. Given, since finding it out takes MLflow seconds."""
    return [f"torch=={torch.__version__.partition('+')[0]}", f"numpy=={np.__version__}"]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the export's notices; errors come as exceptions."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "torch.export", "torch._export", "torch.onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
