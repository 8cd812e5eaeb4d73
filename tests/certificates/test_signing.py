"""Keys: made once, kept to their owner, read from a file or the environment, and refused with a reason."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from pipeline.certificates import signing
from pipeline.errors import CertificateError

PROJECT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("checkout")


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (signing.KEY, signing.KEY_FILE):
        monkeypatch.delenv(name, raising=False)


def public_of(key: Ed25519PrivateKey | None) -> str:
    assert key is not None
    return signing.public_text(key.public_key())


def test_a_key_is_its_owners_and_is_never_overwritten() -> None:
    path = Path("keys/one.pem")
    public = signing.make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(CertificateError, match="exists: a key is never overwritten"):
        signing.make_key(path)
    assert path.read_bytes() == before
    assert public_of(signing.signer(path)) == public
    with pytest.raises(CertificateError, match="cannot be written"):
        signing.make_key(path / "below")


def test_a_key_comes_from_a_file_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert signing.signer() is None
    first, second, third = (signing.make_key(Path(f"{one}.pem")) for one in "abc")
    monkeypatch.setenv(signing.KEY, Path("a.pem").read_text())
    assert public_of(signing.signer()) == first
    monkeypatch.setenv(signing.KEY, Path("a.pem").read_text().replace("\n", "\\n"))  # as many secret stores give it
    assert public_of(signing.signer()) == first
    monkeypatch.setenv(signing.KEY_FILE, "b.pem")
    assert public_of(signing.signer()) == second
    assert public_of(signing.signer(Path("c.pem"))) == third


def test_a_public_key_comes_as_text_or_in_any_usual_file() -> None:
    text = signing.make_key(Path("a.pem"))
    key = signing.signer(Path("a.pem"))
    assert key is not None
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    Path("public.pem").write_bytes(pem)
    Path("public.txt").write_text(text + "\n")
    for told in (text, "a.pem", "public.pem", "public.txt"):
        assert signing.public_text(signing.public_key(told)) == text


def test_a_private_key_in_place_of_a_public_one_is_never_quoted() -> None:
    signing.make_key(Path("a.pem"))
    for secret in (Path("a.pem").read_text(), "A" * 5000, "a" * 200, "~nobody-of-this-name/key", "a\0b"):
        with pytest.raises(CertificateError, match="neither a file nor a public key") as refused:
            signing.public_key(secret)
        assert len(secret) < 100 or secret[30:60] not in str(refused.value)
    with pytest.raises(CertificateError, match=r"'public\.txt' is neither"):
        signing.public_key("public.txt")


def test_what_is_no_key_is_refused_and_never_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Ed25519PrivateKey.generate()
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content, told in (
        (b"hunter2", "no private key in PEM"),
        (locked, "has a passphrase"),
        (other, "is no Ed25519"),
    ):
        Path("key").write_bytes(content)
        with pytest.raises(CertificateError, match=told) as refused:
            signing.signer(Path("key"))
        assert "hunter2" not in str(refused.value)
    with pytest.raises(CertificateError, match=r"missing cannot be read \(No such file"):
        signing.signer(Path("missing"))
    monkeypatch.setenv(signing.KEY, "hunter2")
    with pytest.raises(CertificateError, match=signing.KEY) as refused:
        signing.signer()
    assert "hunter2" not in str(refused.value)
    Path("nothing").write_text("nothing")
    for wrong in ("AAAA", "no key", "nothing"):
        with pytest.raises(CertificateError, match="public key"):
            signing.public_key(wrong)


@pytest.fixture
def repository(checkout: Path) -> Path:
    """The checkout as a git work tree, with the project's own .gitignore."""
    subprocess.run(["git", "init", "--quiet", str(checkout)], check=True)
    (checkout / ".gitignore").write_bytes((PROJECT / ".gitignore").read_bytes())
    return checkout


@pytest.mark.parametrize("name", ["signing", "new/folder/signing.txt", "[s]igning"])
def test_a_key_is_not_made_where_git_would_take_it_along(repository: Path, name: str) -> None:
    with pytest.raises(CertificateError, match="the next `git add` would take it along"):
        signing.make_key(repository / name)
    assert not (repository / name).exists()
    with pytest.raises(CertificateError, match="the next `git add` would take it along"):
        signing.make_key(Path(name))  # relative to where the user stands


@pytest.mark.parametrize("name", ["signing.pem", "keys/signing.key", "local/signing", "../elsewhere"])
def test_a_key_that_git_leaves_alone_is_made_and_used(repository: Path, name: str) -> None:
    public = signing.make_key(repository / name)
    assert public_of(signing.signer(repository / name)) == public
    assert signing.public_text(signing.public_key(name)) == public


def test_a_key_that_git_would_take_along_is_not_used(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signing.make_key(Path("signing.pem"))
    Path("signing.pem").rename("signing")
    (repository.parent / f"{repository.name}-link").symlink_to(repository / "signing")
    for told in ("signing", f"../{repository.name}-link"):
        with pytest.raises(CertificateError, match="the next `git add` would take it along"):
            signing.signer(Path(told))
    with pytest.raises(CertificateError, match="the next `git add` would take it along"):
        signing.public_key("signing")
    monkeypatch.setenv(signing.KEY_FILE, "signing")
    with pytest.raises(CertificateError, match="the next `git add` would take it along"):
        signing.signer()
    Path("public").write_text(signing.public_text(signing._private(Path("signing").read_bytes(), "").public_key()))
    signing.public_key("public")  # which is no secret
    Path("note").write_text("no key")
    with pytest.raises(CertificateError, match="holds no private key"):
        signing.signer(Path("note"))


def test_a_key_that_git_has_is_not_used_whatever_is_ignored(repository: Path) -> None:
    signing.make_key(Path("signing.pem"))
    subprocess.run(["git", "add", "--force", "signing.pem"], check=True)
    with pytest.raises(CertificateError, match=r"signing\.pem: git has it already, so whoever has the repository can"):
        signing.signer(Path("signing.pem"))


def test_a_key_inside_another_work_tree_is_refused_as_well(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As in a home folder whose settings are kept in git."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run(["git", "init", "--quiet", str(home)], check=True)
    with pytest.raises(CertificateError, match="would take it along"):
        signing.make_key(home / "signing.pem")
