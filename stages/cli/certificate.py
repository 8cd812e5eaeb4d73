"""`dlfd certificate`: keys, certificates of what is in service, and whether one holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline import layout
from pipeline.certificates import files, signing
from stages.cli.registered import NAME, resolve
from stages.common import guarded

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

app = typer.Typer(no_args_is_help=True, help=__doc__)
KEY = typer.Option(
    None,
    "--key",
    help=f"private key that signs the certificate; default: the file of {signing.KEY_FILE}, the text of {signing.KEY}",
)


@app.callback()
def group() -> None:
    """Keys, certificates of what is in service, and whether one holds."""


@app.command("key")
@guarded
def make_key(file: Path = typer.Argument(..., help="new; outside of the repository is best")) -> None:
    """Make a private key that signs certificates, and print its public key, which others need to check them."""
    path = file.expanduser().absolute()
    public = signing.make_key(path)
    typer.echo(f"private key in {path}: keep it secret and keep a copy")
    typer.echo(
        f"public key {public} (fingerprint {signing.fingerprint(public)}): give it to whoever checks certificates"
    )
    typer.echo(f"Next: export {signing.KEY_FILE}={path}")


@app.command()
@guarded
def issue(
    version: int = typer.Argument(..., help="one that is or was in service"),
    name: str = NAME,
    key: Path | None = KEY,
) -> None:
    """Write the certificate of VERSION anew, such as to sign it. What it says is in the registry and the ledger."""
    signer = signing.signer(key.expanduser().absolute() if key else None)
    os.chdir(layout.root())
    tell_certificate(files.issue(resolve(name), version, signer), signer)


@app.command()
@guarded
def verify(
    file: Path = typer.Argument(..., help="the page or the JSON file"),
    key: str = typer.Option(
        ..., "--key", help="public key of whom you trust, as `dlfd certificate key` prints it, or a file"
    ),
) -> None:
    """Check that a certificate was signed with KEY and not changed since: exit 0. Otherwise it says why: exit 1."""
    checked = files.verify(file.expanduser(), signing.public_key(key))
    model, asked = checked.certificate["model"], checked.certificate["requests"]
    typer.echo(
        f"{file} holds: signed with key {checked.fingerprint}, not changed since {checked.certificate['issued']}"
    )
    told = f"{model['name']}, version {model['version']}: {len(asked)} request(s)"
    typer.echo(f"{told}, model files {checked.certificate['lineage']['model_files_sha256'] or 'without a hash'}")


def tell_certificate(written: tuple[Path, Path], signer: Ed25519PrivateKey | None) -> None:
    """Where it is, and whether it is signed."""
    typer.echo(f"certificate: {written[1]} and {written[0].name}")
    if signer is None:
        told = f"the certificate is UNSIGNED: name a key with --key or {signing.KEY_FILE} (`dlfd certificate key FILE`)"
        typer.secho(f"warning: {told}", fg="yellow", err=True)
