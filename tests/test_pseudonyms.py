"""Salted keys of persons: secret, stable, and each says which salt made it."""

from __future__ import annotations

import multiprocessing
import stat
import subprocess
from pathlib import Path

import pytest

from pipeline import layout, pseudonyms
from pipeline.errors import SaltError

PROJECT = Path(__file__).parents[1]


def test_a_salt_is_made_once_and_read_by_its_owner_alone(checkout: Path) -> None:
    salt = pseudonyms.load()
    path = checkout / layout.SALT
    assert salt.path == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert pseudonyms.load().secret == salt.secret
    assert [one.name for one in checkout.iterdir() if one.is_file()] == [path.name], "no draft is left"
    assert salt.secret.hex() not in repr(salt)


def test_keys_are_stable_differ_by_person_and_by_salt_and_hide_both(checkout: Path) -> None:
    salt = pseudonyms.load()
    keys = {salt.key(f"p{number:04d}") for number in range(3000)}
    assert len(keys) == 3000
    assert all(pseudonyms.KEY.fullmatch(key) and salt.made(key) for key in keys)
    assert salt.key("p0007") == pseudonyms.load().key("p0007")
    other = pseudonyms.Salt(b"\1" * 32, salt.path)
    assert not any(other.made(key) for key in keys)
    assert not {other.key(f"p{number:04d}") for number in range(3000)} & keys
    told = " ".join(keys)
    assert salt.secret.hex()[:8] not in told
    assert "p0007" not in told


def load(queue: multiprocessing.Queue[str]) -> None:
    queue.put(pseudonyms.load().secret.hex())


def test_processes_that_need_a_salt_at_once_get_the_same(checkout: Path) -> None:
    context = multiprocessing.get_context("fork")
    for _ in range(10):
        queue = context.Queue()
        processes = [context.Process(target=load, args=(queue,)) for _ in range(4)]
        for one in processes:
            one.start()
        assert len({queue.get(timeout=30) for _ in processes}) == 1
        for one in processes:
            one.join()
        (checkout / layout.SALT).unlink()


@pytest.mark.parametrize("content", ["", "ab", "zz" * 32, "ab" * 31, "ä" * 64])
def test_a_damaged_salt_is_never_used(checkout: Path, content: str) -> None:
    (checkout / layout.SALT).write_text(content)
    with pytest.raises(SaltError, match=r"\.dlfd-salt.*put its copy back"):
        pseudonyms.load()
    assert (checkout / layout.SALT).read_text() == content


def test_it_can_lie_elsewhere(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("vault") / "keys" / "salt"
    monkeypatch.setenv(pseudonyms.VARIABLE, str(elsewhere))
    assert pseudonyms.load().path == elsewhere
    assert elsewhere.is_file()
    assert not (checkout / layout.SALT).exists()
    monkeypatch.setenv(pseudonyms.VARIABLE, "local/salt")
    assert pseudonyms.load().path == checkout / "local/salt"


def test_an_experiment_elsewhere_uses_the_users_checkout(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `dvc exp run --temp` does, with DVC_ROOT."""
    key = pseudonyms.load().key("p1")
    monkeypatch.chdir(tmp_path_factory.mktemp("exp"))
    monkeypatch.setenv("DVC_ROOT", str(checkout))
    assert pseudonyms.load().key("p1") == key


def test_without_create_a_missing_salt_is_told(checkout: Path) -> None:
    with pytest.raises(SaltError, match="is missing"):
        pseudonyms.load(create=False)


@pytest.mark.parametrize("file", [layout.REQUESTS, layout.SIDES, layout.ERASED])
def test_no_new_salt_is_made_while_a_ledger_needs_the_old(checkout: Path, file: Path) -> None:
    salt = pseudonyms.load()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"person\n{salt.key('p1')}\n")
    salt.path.unlink()
    with pytest.raises(SaltError, match=rf"the salt of the person keys in {file}, is missing"):
        pseudonyms.load()
    file.write_text("person\n")
    assert pseudonyms.load().secret != salt.secret


def test_git_never_sees_it() -> None:
    ignored = (PROJECT / ".gitignore").read_text().splitlines()
    assert f"/{layout.SALT}*" in ignored


def test_a_salt_that_git_would_take_along_is_refused(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "--quiet", str(checkout)], check=True)
    (checkout / ".gitignore").write_text("/secrets/\n")
    monkeypatch.setenv(pseudonyms.VARIABLE, "keys/salt")
    with pytest.raises(SaltError, match="the next `git add` would take it along"):
        pseudonyms.load()
    assert not (checkout / "keys").exists()
    for ignored in (checkout / "secrets/salt", checkout.parent / f"{checkout.name}-salt"):
        monkeypatch.setenv(pseudonyms.VARIABLE, str(ignored))
        assert pseudonyms.load().path == ignored


def test_git_never_takes_the_salt_of_this_project() -> None:
    if not (PROJECT / ".git").exists():
        pytest.skip("not a checkout")
    for name in (".dlfd-salt", ".dlfd-salt.1f2e3d4c"):
        assert subprocess.run(["git", "check-ignore", "--quiet", name], cwd=PROJECT).returncode == 0, name
    assert subprocess.run(["git", "ls-files", "*.dlfd-salt*"], cwd=PROJECT, capture_output=True).stdout == b""
