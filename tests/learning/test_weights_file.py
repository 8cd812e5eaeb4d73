"""What a file of weights may hold, and what it may not do."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.errors import ModelError
from pipeline.learning import weights_file


@pytest.mark.parametrize("content", [{}, [1], {"state_dict": {}}, {0: torch.zeros(1)}, torch.zeros(1)])
def test_what_is_no_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(ModelError, match="is no state dict"):
        weights_file.read_state_dict(tmp_path / "x.pth")


def test_a_changed_byte_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    torch.save({"a": torch.arange(1000.0)}, path)
    content = bytearray(path.read_bytes())
    at = content.index(torch.arange(500.0, 504.0).numpy().tobytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="it is damaged"):
        weights_file.read_state_dict(path)
    torch.save({"a": torch.ones(1)}, path, _use_new_zipfile_serialization=False)
    assert weights_file.read_state_dict(path)["a"] == 1


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (torch.full((4, 3), float("nan")), "weight holds infinite or NaN values"),
        (torch.ones(4, 3, dtype=torch.complex64), "weight is torch.complex64"),
        (torch.ones(4, 3, dtype=torch.int8), "weight is torch.int8"),
        (torch.ones(4, 3).to_sparse(), r"weight is torch.float32 \(torch.sparse_coo"),
        (torch.ones(4, 3, device="meta"), "on meta"),
    ],
)
def test_tensors_that_are_no_plain_finite_numbers_are_refused(weight: torch.Tensor, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        weights_file.load_exactly(nn.Linear(3, 4), {"weight": weight, "bias": torch.zeros(4)}, "no layer")


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("hostile",)


@pytest.mark.parametrize("write", [lambda x, path: path.write_bytes(pickle.dumps(x, 2)), torch.save])
def test_code_in_a_pickle_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    write(Hostile(), Path("weights.pth"))
    with pytest.raises(ModelError, match=r"holds no plain tensors \(it asks for the code of posix.mkdir\): save it"):
        weights_file.read_state_dict(Path("weights.pth"))
    assert not Path("hostile").exists()
