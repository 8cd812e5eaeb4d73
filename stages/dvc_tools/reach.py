"""How far erasing reaches: raw data that it can rewrite, places that are scanned, and what people must see to."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pipeline import layout
from pipeline.data import removal
from pipeline.registry import version_purge
from pipeline.tracking import tracking_store
from stages.dvc_tools import data_import, purging
from stages.dvc_tools.purging import Kept

ALWAYS = (
    "clones of this repository, with their DVC caches and MLflow stores: once they have the ledger, `dvc repro` and "
    "promote there, delete their older versions, `mlflow gc`, and `dvc gc --workspace`",
    "git's history: old dvc.lock files name hashes (no pictures); ledger, metrics and certificates are meant to stay",
    "earlier versions of objects in a bucket with versioning, and backups or snapshots of disks and databases",
    "what was downloaded, sent or exported: pictures, models, reports opened elsewhere",
    "a server that has the old model in memory: restart it",
)


def source(imported: str) -> Path | None:
    """What data/ was imported from, where it is on this disk; None for a URL, or where nothing was imported.

    Args:
        imported: as data.dvc names it: inside of the checkout it is relative to that.
    """
    if not imported or purging.is_url(imported):
        return None
    return (layout.root() / imported).resolve()


def finish_removals(imported: str) -> list[Path]:
    """Finish what a killed erasing began in raw data; the places where there was something to do.

    Raises:
        OSError: of `removal.finish`.
    """
    own = source(imported)
    return [place for place in (layout.RAW, *([own] if own else [])) if removal.finish(place)]


def raw_places(imported: str) -> list[Path]:
    """Where raw data lie that can be rewritten: what was imported from this disk, else data/ itself."""
    own = source(imported)
    if own and own.exists() and os.access(own.parent, os.W_OK):
        return [own]
    return [layout.RAW] if layout.RAW.exists() else []


def drawn() -> bool:
    """Whether the faces are drawn from a description, so that the raw data hold no picture."""
    from pipeline.data.sources import synthetic

    return synthetic.recognises(layout.RAW)


def scanned(kept: Kept) -> list[Path]:
    """Where to look: the checkout, and of cache, remotes, raw data and artifacts what lies elsewhere on this disk.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    remotes = [folder for address in kept.remotes.values() for folder in purging.folders(address)]
    own = source(data_import.source())
    raw = [own, *removal.begun_beside(own)] if own else []
    places = (Path.cwd(), kept.cache, *remotes, *raw, *version_purge.local_artifacts())
    return [place for place in places if place.exists()]


def unscanned(remotes: Mapping[str, str]) -> list[str]:
    """A sentence for each remote that is not looked into.

    Args:
        remotes: name -> address.
    """
    told = []
    for name, address in remotes.items():
        if purging.is_elsewhere(address):
            told.append(f"remote {name}, {address}: cleaned by `dvc gc`, but not scanned")
        elif not purging.folders(address):
            told.append(f"remote {name}, {address}: no such folder now (not mounted?), neither cleaned nor scanned")
    return told


def out_of_reach(
    imported: str, rewritten: Collection[Path], artifacts: Iterable[str], remotes: Mapping[str, str]
) -> list[str]:
    """What people must see to themselves, a sentence each.

    Args:
        imported: where data/ comes from.
        rewritten: places of raw data.
        artifacts: of MLflow, where they are no local folder.
        remotes: name -> address.
    """
    told = list(ALWAYS)
    if imported and layout.RAW in rewritten and not drawn():
        told.insert(0, f"{imported}, which data/ was imported from: it cannot be rewritten from here")
    told += unscanned(remotes)
    told += [
        f"remote {name}, {address}: scanned, but DVC takes it for a folder file:/ below the working one, and cleans "
        f"that: write the address without {purging.FILE}"
        for name, address in remotes.items()
        if address.startswith(purging.FILE)
    ]
    told += [f"MLflow's artifacts in {place}: removed through MLflow, but not scanned" for place in artifacts]
    if tracking_store.uri().startswith("http"):
        told.append("rows of deleted runs and models in the MLflow server's database: `mlflow gc` there")
    return told
