"""Ed25519 keys and signatures (RFC 8032), by `cryptography`.

A private key is a PEM file (PKCS #8), as `openssl genpkey -algorithm ed25519` makes it. It is neither made nor used
where git has it or would take it along. A public key is what `dlfd certificate key` prints (Base64 of its 32 bytes) or
a PEM file of it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import layout, secret_files
from pipeline.errors import CertificateError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY, KEY_FILE = "DLFD_SIGNING_KEY", "DLFD_SIGNING_KEY_FILE"  # the PEM text itself, or where it is
ALGORITHM = "Ed25519"
SIZE = 32  # bytes of a public key
LONGEST_SHOWN = 100  # characters of what is no key, in an error


def make_key(path: Path) -> str:
    """Write a new private key, readable by its owner alone.

    Returns:
        Its public key, Base64.

    Raises:
        CertificateError: the file exists, cannot be written, or git would take it along.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    if path.exists():
        raise CertificateError(f"{path} exists: a key is never overwritten; name another file")
    _check_kept_from_git(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:  # O_EXCL: also where another process made it meanwhile
        raise CertificateError(f"{path} cannot be written ({error.strerror})") from None
    return public_text(key.public_key())


def signer(path: Path | None = None) -> Ed25519PrivateKey | None:
    """The private key that certificates are signed with.

    Args:
        path: of its file; default: what DLFD_SIGNING_KEY_FILE (relative to the checkout) or DLFD_SIGNING_KEY says.

    Returns:
        None where nobody names one.

    Raises:
        CertificateError: it cannot be read, is no Ed25519 private key without a passphrase, or git has its file or
            would take it along.
    """
    if path is None and (named := os.environ.get(KEY_FILE)):
        path = layout.root() / Path(named).expanduser()
    if path is not None:
        return _private_file(path)
    text = os.environ.get(KEY, "").strip()
    return _private(text.replace("\\n", "\n").encode(), KEY) if text else None


def public_key(text: str) -> Ed25519PublicKey:
    """A public key, from what `dlfd certificate key` prints or from a PEM file (of a private key: its public one).

    Raises:
        CertificateError: it is neither, or a private key that git has or would take along.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if not _is_file(text):
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != SIZE:
            what = "it" if "\n" in text or len(text) > LONGEST_SHOWN else repr(text)  # it may be a private key
            raise CertificateError(f"--key: {what} is neither a file nor a public key ({SIZE} bytes in Base64)")
        return Ed25519PublicKey.from_public_bytes(raw)
    content = _read(Path(text)).strip()
    if b"PRIVATE KEY" in content:
        return _private_file(Path(text)).public_key()
    if content.startswith(b"-----BEGIN"):
        try:
            found = load_pem_public_key(content)
        except ValueError as error:
            raise CertificateError(f"{text} is no public key in PEM ({error})") from None
        if not isinstance(found, Ed25519PublicKey):
            raise CertificateError(f"{text} is no {ALGORITHM} key")
        return found
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError):
        raise CertificateError(f"{text} holds no public key, neither PEM nor Base64") from None


def public_text(key: Ed25519PublicKey) -> str:
    """Base64 of the 32 bytes."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def fingerprint(public: str) -> str:
    """What people compare: SHA-256 of the public key, 16 hex digits."""
    return hashlib.sha256(base64.b64decode(public)).hexdigest()[:16]


def encode(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def holds(key: Ed25519PublicKey, signature: str, content: bytes) -> bool:
    """Whether a Base64 signature is this key's, of this content."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().is_file()
    except (OSError, RuntimeError, ValueError):  # longer than any name; ~ of nobody; a zero byte
        return False


def _private_file(path: Path) -> Ed25519PrivateKey:
    found = _private(_read(path), str(path))
    _check_kept_from_git(path)
    return found


def _check_kept_from_git(path: Path) -> None:
    told = secret_files.exposed(path)
    if told == secret_files.WOULD_TAKE:
        raise CertificateError(
            f"{path} is no place for a private key: {told}. Put it outside of the repository, or name it in .gitignore "
            "(this project's has *.pem and *.key)"
        )
    if told:
        raise CertificateError(
            f"{path}: {told}, so whoever has the repository can sign as you. Make another key outside of it "
            "(`dlfd certificate key FILE`), give its public key to whoever checks certificates, and remove this one"
        )


def _private(content: bytes, where: str) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    remedy = "`dlfd certificate key FILE` makes one"
    try:
        found = load_pem_private_key(content, password=None)
    except TypeError:  # how cryptography says that there is a passphrase
        raise CertificateError(
            f"{where}: the key has a passphrase: take one without, kept where only you read"
        ) from None
    except (ValueError, UnsupportedAlgorithm):  # whose message may quote what it read
        raise CertificateError(f"{where} holds no private key in PEM: {remedy}") from None
    if not isinstance(found, Ed25519PrivateKey):
        raise CertificateError(f"{where} is no {ALGORITHM} key: {remedy}")
    return found


def _read(path: Path) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise CertificateError(f"the key {path} cannot be read ({error.strerror})") from None
