"""What commands that use the model registry share: its option, and where they work."""

from __future__ import annotations

import os

import typer

from pipeline import config, layout
from pipeline.errors import RegistryError
from pipeline.tracking import tracking_store

NAME = typer.Option("", "--name", help="of the registered model; default: register.model_name in params.yaml")


def resolve(name: str = "") -> str:
    """The model's name, with the checkout's root as working folder, where params.yaml and mlflow.db are.

    Raises:
        ConfigError: params.yaml cannot be used.
        RegistryError: tracking is off.
    """
    if not tracking_store.enabled():
        raise RegistryError("DLFD_TRACKING=off hides the registry, which is MLflow's: unset it for this command")
    os.chdir(layout.root())
    return name or config.load().register.model_name
