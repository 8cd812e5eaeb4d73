"""Keys of persons outside the store: keyed hashes, with a secret salt in one file that git ignores.

    salt id = HMAC-SHA256(salt, "salt"), 6 hex digits
    key(person) = salt id - HMAC-SHA256(salt, "person:" + person), 16 hex digits

Who has the salt and the store can tell whose key it is, nobody else: names of persons are guessed too easily for a
plain hash. Every key says which salt made it, so that a lost or another salt is noticed and never taken for an unknown
person.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline import layout, secret_files
from pipeline.errors import SaltError

KEY = re.compile(r"[0-9a-f]{6}-[0-9a-f]{16}")
VARIABLE = "DLFD_SALT_FILE"
BYTES = 32
PERSONAL = "split.forget_persons"  # the parameter that names persons


@dataclass(frozen=True)
class Salt:
    """The secret.

    Attributes:
        path: of its file.
    """

    secret: bytes = field(repr=False)
    path: Path

    @cached_property
    def id(self) -> str:
        """What every key begins with; tells nothing of the secret."""
        return self.digest("salt")[:6]

    def key(self, person: object) -> str:
        """Of a person key of the store, or of a unit, which has the least key of its persons."""
        return f"{self.id}-{self.digest(f'person:{person}')[:16]}"

    def made(self, key: str) -> bool:
        """Whether a key is of this salt."""
        return key.partition("-")[0] == self.id

    def digest(self, text: str) -> str:
        """64 hex digits that nobody without the salt can make."""
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()


def salt_file() -> Path:
    """Where the salt is: .dlfd-salt in the user's checkout, or what DLFD_SALT_FILE says (relative to the checkout)."""
    return layout.root() / Path(os.environ.get(VARIABLE) or layout.SALT).expanduser()


def load(*, create: bool = True) -> Salt:
    """The salt of this checkout.

    Args:
        create: make one, readable by its owner alone, where there is none and no file under erasure/ has a key of
            another.

    Raises:
        SaltError: the file is damaged or cannot be read or made; it is missing where it was needed before; or
            DLFD_SALT_FILE puts it where git would take it along.
    """
    path = salt_file()
    _check_ignored(path)
    try:
        if create and not path.exists() and _needed_by() is None:
            _make(path)
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise SaltError(
            f"{path}, the salt of the person keys in {_needed_by() or layout.REQUESTS}, is missing: put its copy back "
            f"there, or say where it is with {VARIABLE}. See docs/erasure.md if there is none left."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SaltError(f"{path}, the salt of the person keys, cannot be used ({error}): put its copy back") from None
    if not re.fullmatch(rf"[0-9a-f]{{{2 * BYTES}}}", text):
        raise SaltError(f"{path}, the salt of the person keys, is damaged: put its copy back")
    return Salt(bytes.fromhex(text), path)


def without_persons(parameters: dict[str, Any]) -> dict[str, Any]:
    """Flat parameters, `section.key` -> value, with the number of persons in place of their keys."""
    named = parameters.get(PERSONAL)
    return parameters | ({PERSONAL: f"{len(named)} person(s)"} if named else {})


def _check_ignored(path: Path) -> None:
    """`.dlfd-salt` itself is in .gitignore; another place in the checkout must be as well."""
    if not os.environ.get(VARIABLE):
        return
    if told := secret_files.exposed(path):
        raise SaltError(
            f"{VARIABLE} puts the salt of the person keys at {path}: {told}. Put it outside of the checkout, or add it "
            "to .gitignore"
        )


def _needed_by() -> Path | None:
    """The first file of the ledger that holds keys, which a new salt could not read."""
    for name in (layout.REQUESTS, layout.SIDES, layout.ERASED):
        file = layout.root() / name
        if file.is_file() and KEY.search(file.read_text(encoding="utf-8", errors="replace")):
            return name
    return None


def _make(path: Path) -> None:
    """Whole or not at all, and once, whichever of several processes comes first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)  # unlike a rename it never replaces what another process made
    finally:
        draft.unlink()
