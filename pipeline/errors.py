"""Errors a person can act on. Each message names the thing that is wrong and the remedy; stages print it and exit 1."""

from __future__ import annotations


class PipelineError(Exception):
    """Base of every error that is shown as one message, without a traceback."""


class ConfigError(PipelineError):
    """params.yaml holds an unknown key, a value out of range, or asks for what this machine lacks."""


class DataError(PipelineError):
    """Raw data, store or split cannot be used as it is."""


class ModelError(PipelineError):
    """A model folder is missing, damaged or does not fit."""


class TrackingError(PipelineError):
    """The MLflow tracking server cannot be reached or refuses."""


class RegistryError(PipelineError):
    """The model registry refuses what was asked: unknown version, not accepted, nothing to roll back to."""


class RequestError(PipelineError):
    """The ledger of erasure requests cannot be used, or it refuses what was asked."""


class SaltError(PipelineError):
    """The salt of the person keys is missing, damaged, or not the one that made a key."""


class EraseError(PipelineError):
    """Nothing may be erased yet, erasing could not be finished, or something of the erased was found."""


class CertificateError(PipelineError):
    """A certificate or a key cannot be read or written, or the certificate does not hold."""
