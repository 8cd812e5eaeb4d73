"""`dlfd predict`: labels and probabilities of picture files, from the model in service."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TextIO

import typer

from pipeline import config, layout
from pipeline.errors import ConfigError, DataError, RegistryError
from pipeline.tracking import tracking_store
from stages.common import FULL_DISK, guarded

REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<number>[0-9]+)|@(?P<alias>[^/@]+))")


class Format(StrEnum):
    csv = "csv"
    jsonl = "jsonl"


class Device(StrEnum):
    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


@guarded
def predict(
    paths: list[Path] = typer.Argument(..., help="picture files, or folders that are searched for them"),
    model: str = typer.Option(
        "", help="models:/NAME@ALIAS, models:/NAME/VERSION, or a model folder; default: the model in service"
    ),
    version: int | None = typer.Option(None, min=1, help="of the registered model, in place of the one in service"),
    out: Path | None = typer.Option(None, "--out", "-o", help="write there, .csv or .jsonl; default: to the terminal"),
    form: Format | None = typer.Option(None, "--format", help="default: as the name of --out ends, else csv"),
    device: Device = typer.Option(Device.auto, help="auto: the GPU where there is one"),
) -> None:
    """Label the pictures at PATHS with the model in service: a row a file, with the probability of every class.

    A file that cannot be read has the reason in its row; all others are answered, and the exit code is 1.
    """
    if model and version is not None:
        raise typer.BadParameter("say --model or --version, not both")
    chosen = form.value if form else _form_of(out)
    from pipeline.learning import models
    from pipeline.progress import progress
    from pipeline.serving import batch_prediction, prediction

    total = sum(1 for _ in batch_prediction.find(paths))
    if not total:
        told = ", ".join(batch_prediction.SUFFIXES)
        raise DataError(f"no picture in {', '.join(map(str, paths))} (names that end in {told})")
    try:
        chosen_device = models.select_device(device.value)
    except ConfigError:  # which speaks of params.yaml
        told = (
            "torch sees no CUDA device here; leave it out, say `auto` or `cpu`, or check the driver with `nvidia-smi`"
        )
        raise ConfigError(f"--device {device.value}: {told}") from None
    predictor = prediction.load(_folder(model, version), chosen_device)
    failed = 0

    def unreadable(reason: object) -> None:
        nonlocal failed
        failed += 1
        typer.secho(f"error: {reason}", fg="red", err=True)

    files = batch_prediction.find(paths, on_error=unreadable)
    with _opened(out) as target, progress("predicting", total, "images") as advance:
        writer = batch_prediction.Writer(target, chosen, predictor.classes)
        for file, answer in batch_prediction.predict(predictor, files):
            writer.write(file, answer)
            if answer.error:
                unreadable(answer.error)
            advance()
    where = f" -> {out}" if out else ""
    lost = f", {failed} could not be read" if failed else ""
    typer.echo(f"{total} pictures{lost}{where}", err=True)
    if failed:
        raise typer.Exit(1)


def _form_of(out: Path | None) -> str:
    if out is None:
        return Format.csv.value
    if (suffix := out.suffix.lower().removeprefix(".")) in list(Format):
        return suffix
    raise typer.BadParameter(f"{out} ends neither in .csv nor in .jsonl: say --format")


def _folder(model: str, version: int | None) -> Path:
    """The model folder that is meant.

    Raises:
        RegistryError: there is no such version, or nothing is in service.
    """
    if model and not model.startswith("models:"):
        return Path(model)
    if not tracking_store.enabled():
        raise RegistryError("DLFD_TRACKING=off hides the registry, which is MLflow's: unset it, or give --model FOLDER")
    from pipeline.registry import version_folder

    if not model:
        return version_folder.fetch(config.load(layout.root() / "params.yaml").register.model_name, version)
    if not (found := REGISTERED.fullmatch(model)):
        raise RegistryError(f"{model}: expected models:/NAME@ALIAS, models:/NAME/VERSION, or a model folder")
    number = int(found["number"]) if found["number"] else None
    return version_folder.fetch(found["name"], number, found["alias"] or "")


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    """The terminal, or a file that is whole or not there. Names of files may be no text in UTF-8.

    Raises:
        DataError: the file cannot be written.
    """
    if out is None:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="surrogateescape")
        yield sys.stdout
        return
    partial = out.with_name(f".{out.name}.partial")
    try:
        if out.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        out.parent.mkdir(parents=True, exist_ok=True)
        file = partial.open("w", encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        if error.errno in FULL_DISK:
            raise
        raise DataError(f"--out {out} cannot be written ({error.strerror})") from None
    try:
        with file:
            yield file
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
