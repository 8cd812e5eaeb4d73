"""What commands that use the model registry share: its option, and what it stands for."""

from __future__ import annotations

import typer

from pipeline import config
from pipeline.errors import RegistryError
from pipeline.tracking import tracking_store

NAME = typer.Option("", "--name", help="of the registered model; default: register.model_name in params.yaml")


def resolve(name: str = "") -> str:
    """`name`, or where none was given the registered model of params.yaml in the working folder.

    Raises:
        ConfigError: params.yaml cannot be used.
        RegistryError: tracking is off.
    """
    if not tracking_store.enabled():
        raise RegistryError("DLFD_TRACKING=off hides the registry, which is MLflow's: unset it for this command")
    return name or config.load().register.model_name
