"""What MLflow runs to load a registered version ("models from code"): a copy of this file is part of the version.

Input: a table with the column `image`; each cell a picture file's bytes, these in base64, or pixels [3, H, W].
Output: a row a picture, as `prediction.Answer.row` says.

A picture that cannot be read has its reason in the column `error` and the others their answers; a request that is
wrong as a whole (no column `image`, too many pictures) is refused with HTTP 400.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext


class FaceClassifierService(PythonModel):
    """The predictor behind MLflow's interface. Whoever serves it sets its limits with SERVING_MODEL_CONFIG."""

    def load_context(self, context: PythonModelContext) -> None:
        from pipeline.serving import prediction

        limits = dict(context.model_config or {})
        self.max_pictures = int(limits["max_pictures"])
        self.predictor = prediction.load(Path(context.artifacts["model"]), max_bytes=int(limits["max_bytes"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        pictures = _pictures(model_input["image"].tolist())
        if len(pictures) > self.max_pictures:
            told = f"{len(pictures)} pictures in one request, no more than {self.max_pictures} are answered: send fewer"
            raise MlflowException.invalid_parameter_value(told)
        rows = [answer.row(self.predictor.classes) for answer in self.predictor.answers(pictures)]
        return pd.DataFrame(rows, dtype=object)  # of objects, so that JSON has null and not NaN where nothing is known


def _pictures(cells: list[Any]) -> list[Any]:
    """A picture a cell; MLflow puts all of `{"inputs": ["…", "…"]}` into one."""
    together = len(cells) == 1 and isinstance(cells[0], list) and all(isinstance(one, str) for one in cells[0])
    return cells[0] if together else cells


set_model(FaceClassifierService())
