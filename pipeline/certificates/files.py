"""Certificates as files: issue both, check either.

    certificates/<model>-<version>.json    {"certificate": …, "signature": {algorithm, public_key, value} or null}
    certificates/<model>-<version>.html    the page, with the same in it

Signed are the bytes "dlfd certificate\\n" + the canonical JSON of `certificate` (`pipeline.canonical`), and of the page
"dlfd certificate page\\n" + the page with the place of its signature empty.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import canonical, layout
from pipeline.certificates import content, page, signing
from pipeline.erasure import requests
from pipeline.errors import CertificateError, RegistryError
from pipeline.registry import evidence, service_record, versions
from pipeline.registry.service_record import Entry
from pipeline.tracking import tracking_store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

OF_DATA, OF_PAGE = b"dlfd certificate\n", b"dlfd certificate page\n"  # so that neither can pass for the other
LARGEST = 64 * 2**20  # bytes that are read of a file


@dataclass(frozen=True)
class Checked:
    """A certificate that holds.

    Attributes:
        certificate: what it says.
        fingerprint: of the key that signed it.
    """

    certificate: dict[str, Any]
    fingerprint: str


def paths(name: str, number: int) -> tuple[Path, Path]:
    """The JSON file and the page of a version, in the working folder's layout."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{name}-{number}")
    return layout.CERTIFICATES / f"{stem}.json", layout.CERTIFICATES / f"{stem}.html"


def issue(name: str, number: int, key: Ed25519PrivateKey | None, entry: Entry | None = None) -> tuple[Path, Path]:
    """Write the certificate of a version that is or was in service, in place of an earlier one.

    Args:
        key: None: it is written unsigned, and says so.
        entry: of the record; default: the latest by which the version went into service.

    Raises:
        RegistryError: there is no such version, or it was never in service.
        RequestError: a ledger cannot be read.
        CertificateError: the files cannot be written.
        OSError: the disk is full.
        TrackingError: MLflow cannot be reached.
    """
    store = tracking_store.connect()
    version = versions.find(versions.every(name, store), name, number)
    if entry is None:
        own = [one for one in service_record.read(name, store) if one.after == number]
        if not own:
            raise RegistryError(
                f"version {number} of {name} was never put into service: `dlfd models promote {number}`"
            )
        entry = own[-1]
    told = content.build(name, version, entry, evidence.find(version, store), requests.read())
    return write(told, key, paths(name, number))


def are_current(name: str, number: int, asked: Iterable[str]) -> bool:
    """Whether both files of a version are there, and tell of all these requests."""
    data, html = paths(name, number)
    try:
        told = canonical.loads(_read(data))["certificate"]["requests"]
        return html.is_file() and set(asked) <= {one["request"] for one in told}
    except (CertificateError, ValueError, TypeError, KeyError, RecursionError):
        return False


def write(certificate: dict[str, Any], key: Ed25519PrivateKey | None, to: tuple[Path, Path]) -> tuple[Path, Path]:
    """Write a certificate as JSON and as a page, each whole or not at all.

    Raises:
        CertificateError: the files cannot be written.
        OSError: the disk is full.
    """
    told = sign(certificate, key)
    html = page.render(told)
    if key:
        html = page.sign(html, signing.encode(key.sign(OF_PAGE + html.encode())))
    _replace(to[0], json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    _replace(to[1], html)
    return to


def sign(certificate: dict[str, Any], key: Ed25519PrivateKey | None) -> dict[str, Any]:
    """A certificate with its signature, or with none."""
    if key is None:
        return {"certificate": certificate, "signature": None}
    signature = {
        "algorithm": signing.ALGORITHM,
        "public_key": signing.public_text(key.public_key()),
        "value": signing.encode(key.sign(OF_DATA + canonical.dumps(certificate))),
    }
    return {"certificate": certificate, "signature": signature}


def verify(path: Path, key: Ed25519PublicKey) -> Checked:
    """Check a JSON file or a page against the key of whom one trusts.

    Raises:
        CertificateError: it is no certificate, it is not signed, or by another key, or it was changed since.
    """
    text = _read(path)
    is_page = text.lstrip()[:1] != "{"
    try:
        told = page.envelope(text) if is_page else dict(canonical.loads(text))
        certificate, signature = told["certificate"], told["signature"]
        known = set(told) == {"certificate", "signature"} and certificate["format"] == content.FORMAT
    except CertificateError as error:
        raise CertificateError(f"{path}: {error}") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:  # the last: a list in a list in a list …
        raise CertificateError(f"{path} is no certificate ({error})") from None
    if not known:
        raise CertificateError(f"{path} is no certificate of a form that this release knows ({content.FORMAT})")
    if signature is None:
        raise CertificateError(f"{path} is UNSIGNED: nothing tells who wrote it or whether it was changed")
    if not isinstance(signature, dict) or signature.get("algorithm") != signing.ALGORITHM:
        raise CertificateError(f"{path}: its signature is none of {signing.ALGORITHM}")
    mine = signing.public_text(key)
    if signature.get("public_key") != mine:
        wanted = signing.fingerprint(mine)
        raise CertificateError(f"{path} was signed with another key than the one you trust ({wanted}): do not trust it")
    if not signing.holds(key, str(signature.get("value")), OF_DATA + _canonical(certificate)):
        raise CertificateError(f"{path} was changed since it was signed: do not trust it")
    if is_page:
        _verify_page(path, text, key)
    return Checked(certificate, signing.fingerprint(mine))


def _verify_page(path: Path, text: str, key: Ed25519PublicKey) -> None:
    unsigned, signature = page.unsign(text)
    if not signing.holds(key, signature, OF_PAGE + unsigned.encode()):
        raise CertificateError(f"{path}: the page was changed since it was signed (its data were not): do not trust it")


def _canonical(certificate: Any) -> bytes:
    """Of what was read: a number such as 1e999 is infinite, and nothing that was signed; nor what is too deep."""
    try:
        return canonical.dumps(certificate)
    except (ValueError, RecursionError):
        return b""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
        if len(found) > LARGEST:
            raise CertificateError(f"{path} is larger than any certificate")
        return found.decode("utf-8")
    except OSError as error:
        raise CertificateError(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise CertificateError(f"{path} is no certificate: it is no text in UTF-8") from None


def _replace(path: Path, text: str) -> None:
    """Whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(text.encode())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise CertificateError(f"{path} cannot be written ({error.strerror})") from None
