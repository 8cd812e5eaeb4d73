"""A fresh clone of the working tree, with tiny faces and settings."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import yaml
from checkouts import Checkout

PROJECT = Path(__file__).parents[2]
DATA = {"kind": "synthetic", "seed": 0, "persons": 150, "images_per_person": 2, "image_size": 32}
SETTINGS = {
    "data.image_size": 32,
    "validate.min_images_per_class": 0,
    "validate.min_images_per_subset": 5,
    "validate.max_label_shift": 1.0,
    "train.epochs": 2,
    "train.batch_size": 32,
    "finetune.epochs": 1,
    "neggrad.epochs": 1,
    "dlfd.check_every": 2,
    "dlfd.recovery_share": 0.5,  # of so few steps a tenth would be one, at which λ is 0 and no weight matters
    "evaluate.attack_folds": 3,
    "evaluate.bootstrap": 50,
    "audit.relearn_steps": 5,
    "register.min_nomus": 0.0,  # so that something is registered
    "register.max_forgetting_score": 1.0,
    "register.max_accuracy_drop": 1.0,
}


def clone(root: Path) -> Checkout:
    """What `git clone` gives of the working tree, with tiny settings: nothing has run, no cache, no remote."""
    checkout = Checkout(root)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file() and not name.startswith("tests/"):
            (checkout.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, checkout.root / name)
    described = checkout.root / "datasets/synthetic/dataset.yaml"
    described.write_text(yaml.safe_dump(DATA), encoding="utf-8")
    checkout.set(**{name.replace(".", "__"): value for name, value in SETTINGS.items()})
    checkout.run("git", "init", "--quiet", "--initial-branch", "main")
    for name, value in (("user.name", "Tester"), ("user.email", "tester@example.org")):
        checkout.run("git", "config", name, value)
    checkout.commit()
    return checkout
