"""Where everything lies, relative to the repository's root. dvc.yaml names the same paths; a test compares the two."""

from __future__ import annotations

import os
from pathlib import Path

RAW = Path("data")  # what data.dvc imports
WORKSPACE = Path("workspace")  # heavy outputs: git-ignored, in the DVC cache
SETTINGS = WORKSPACE / "settings.txt"  # that params.yaml has been checked
FACES = WORKSPACE / "faces"  # images.npy, table.parquet, dataset.json
SPLITS = WORKSPACE / "splits"  # splits.parquet, splits.json
VALIDATION = WORKSPACE / "validation"  # result.json
MODELS = WORKSPACE / "models"  # <name>/model.safetensors, model.json, history.csv, examples.png (dlfd, drawn faces)
PERSONS = ("persons.csv", "persons_of_earlier_rounds.csv")  # of an evaluation: who was forgotten now, and before
EVALUATION = WORKSPACE / "evaluation"  # <name>/samples.parquet, outputs.npz, attacks.csv, persons.csv
YARDSTICKS = WORKSPACE / "yardsticks"  # <name>/samples.parquet, outputs.npz of the oracle and of models for audits
BASE = WORKSPACE / "base"  # base.json and, of a round that starts from the model in service, its model folder
CHECKPOINTS = WORKSPACE / "checkpoints"  # of running trainings; no stage's output, gone when a training ends
REGISTRATION = WORKSPACE / "registration"
REQUESTS = Path("requests.csv")  # what was asked for; the split depends on it; git-tracked
PROGRESS = Path("requests_progress.csv")  # how far each request is; in the user's checkout; nothing depends on it
ERASURE = Path("erasure")
ROUND = ERASURE / "round.json"  # the model in service that a round starts from; git-tracked
SIDES = ERASURE / "sides.csv"  # who stays held out whatever is erased or added; git-tracked
ERASED = ERASURE / "erased.csv"  # whom and what nobody may bring back; git-tracked
CERTIFICATES = Path("certificates")  # <model>-<version>.html and .json of what was in service, git-tracked
METRICS = Path("metrics")  # <name>.json, git-tracked
REPORTS = Path("reports")
DATA_DOCS = REPORTS / "data_docs"  # Great Expectations' HTML, in the DVC cache

SALT = Path(".dlfd-salt")  # secret, of the person keys; in the user's checkout, never in git

TRAINED = ("original", "retrained")  # models that are trained; every other name is an unlearning method


def root() -> Path:
    """The user's checkout, also from within `dvc exp run --temp` or a queue (DVC sets DVC_ROOT there)."""
    if given := os.environ.get("DVC_ROOT"):
        return Path(given)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), here)
