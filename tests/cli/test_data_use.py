"""`dlfd data use` with a real DVC in a real git repository, there and back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tiny_data import write_mufac
from typer.testing import CliRunner, Result

from stages.cli import data

ROOT = Path(__file__).parents[2]


def shell(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def dvc(*arguments: str) -> str:
    return shell(sys.executable, "-m", "dvc", *arguments)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed checkout on the synthetic data."""
    folder = tmp_path / "checkout"
    (folder / ".dvc").mkdir(parents=True)
    for name in (".gitignore", ".dvc/config", ".dvc/.gitignore"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "datasets/synthetic").mkdir(parents=True)
    (folder / "datasets/synthetic/dataset.yaml").write_text("kind: synthetic\n")
    (folder / "dvc.yaml").write_text("stages: {look: {cmd: ls data, deps: [data], always_changed: true}}\n")
    (folder / "data.dvc").write_text(data.SYNTHETIC)
    monkeypatch.chdir(folder)
    shell("git", "init", "-q")
    dvc("repro", "-q", "data.dvc")
    shell("git", "add", "-A")
    shell("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "start")
    return folder


def use(source: str | Path) -> Result:
    return CliRunner().invoke(data.app, ["use", str(source)])


def state(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in [folder / "data.dvc", *folder.glob("data/**/*")] if path.is_file()}


def changed() -> list[str]:
    return shell("git", "status", "--porcelain").split()


def test_a_folder_an_archive_and_back(checkout: Path, tmp_path: Path) -> None:
    start = state(checkout)
    mufac = write_mufac(tmp_path / "faces of mine")
    packed = Path(shutil.make_archive(str(tmp_path / "mufac"), "tar", mufac))
    for source, told in ((mufac, "the data set mufac"), (packed, "the data set mufac, in an archive")):
        result = use(source)
        assert result.exit_code == 0, result.output
        assert told in " ".join(result.output.split())
        assert "Next: dvc repro" in result.output
        written = yaml.safe_load(Path("data.dvc").read_text())
        assert "frozen" not in written
        assert written["deps"][0]["path"] == str(source)
        assert written["outs"][0]["path"] == "data"
        assert changed() == ["M", "data.dvc"]
        assert "up to date" in dvc("status", "data.dvc")
    assert Path("data").is_file()
    result = use("synthetic")
    assert result.exit_code == 0, result.output
    assert state(checkout) == start
    assert changed() == []


def test_a_relative_path_is_made_absolute_and_a_later_change_is_imported(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mufac = write_mufac(tmp_path / "mufac")
    monkeypatch.chdir(checkout / "datasets")
    assert use("../../mufac").exit_code == 0
    monkeypatch.chdir(checkout)
    assert yaml.safe_load(Path("data.dvc").read_text())["deps"][0]["path"] == str(mufac)
    (mufac / "note.txt").write_text("new")
    dvc("repro", "-q")
    assert Path("data/note.txt").read_text() == "new"


def test_a_clone_without_a_cache_rebuilds(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mufac = write_mufac(tmp_path / "mufac")
    assert use(mufac).exit_code == 0
    shell("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "mine")
    shell("git", "clone", "-q", str(checkout), str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    dvc("repro", "-q", "data.dvc")
    assert sorted(path.name for path in Path("data").iterdir()) == sorted(path.name for path in mufac.iterdir())


@pytest.mark.parametrize(
    "bad", ["missing", "no layout", "no layout inside", "nobody", "too long", "data", "unreachable"]
)
def test_a_failure_leaves_everything_as_it_was(checkout: Path, tmp_path: Path, bad: str) -> None:
    start = state(checkout)
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("no faces")
    packed = shutil.make_archive(str(tmp_path / "packed"), "tar", tmp_path / "notes")
    sources = {
        "missing": "/no/such/folder",
        "no layout": empty,
        "no layout inside": packed,
        "nobody": "~nobody-of-that-name/faces",
        "too long": "/tmp/" + "a" * 300,
        "data": "data",
        "unreachable": "HTTP://127.0.0.1:9/a.tar",
    }
    messages = {
        "missing": "does not exist",
        "no layout": "no known data layout",
        "no layout inside": "in the archive; it holds a.txt",
        "nobody": "~nobody-of-that-name/faces: ",
        "too long": "does not exist",
        "data": "own data/",
        "unreachable": "failed; data.dvc and data/ are as they were.\nERROR",
    }
    result = use(sources[bad])
    assert result.exit_code == 1
    assert messages[bad] in result.output
    assert state(checkout) == start
    assert changed() == []
    assert not (checkout / data.BACKUP).exists()


def test_an_interrupt_puts_the_old_data_back(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = state(checkout)

    def interrupted(source: str) -> None:
        Path("data").mkdir()
        Path("data.dvc").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "_import", interrupted)
    assert use(write_mufac(tmp_path / "mufac")).exit_code != 0
    assert state(checkout) == start


def test_outside_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = use("synthetic")
    assert result.exit_code == 1
    assert "inside a checkout" in result.output
