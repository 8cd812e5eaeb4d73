from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import SIDE, make_faces

from pipeline.data.batches import SHIFT, load_images


def test_pixels_are_what_is_stored() -> None:
    faces = make_faces(5)
    pixels = faces.pixels(torch.tensor([3, 1]))
    assert pixels.shape == (2, 3, SIDE, SIDE)
    expected = faces.images[torch.tensor([3, 1])].permute(0, 3, 1, 2).float() / 255
    torch.testing.assert_close(pixels, expected)
    assert pixels.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("count", "batch"), [(10, 4), (9, 4), (1, 4), (3, 8)])
@pytest.mark.parametrize("augment", [True, False])
def test_an_epoch_holds_every_picture_once(count: int, batch: int, augment: bool) -> None:
    """But for the only one of a subset, which is there twice: batch normalisation needs two."""
    faces = make_faces(count)
    found = list(faces.epoch(batch, seed=0, epoch=0, augment=augment))
    assert len(found) == faces.batches(batch)
    labels, times = torch.cat([labels for _, labels in found]), 2 if count == 1 else 1
    assert sorted(labels.tolist()) == sorted(faces.labels.tolist() * times)
    assert all(len(pixels) > 1 for pixels, _ in found)
    if not augment:
        seen = torch.cat([pixels for pixels, _ in found]).flatten(1)
        every = faces.pixels(torch.arange(count).repeat(times)).flatten(1)
        assert sorted(seen.sum(1).tolist()) == pytest.approx(sorted(every.sum(1).tolist()))


def test_order_and_augmentation_depend_on_seed_and_epoch_alone() -> None:
    faces = make_faces(12)

    def draw(seed: int, epoch: int) -> torch.Tensor:
        return torch.cat([p for p, _ in faces.epoch(4, seed=seed, epoch=epoch, augment=True)])

    first = draw(0, 3)
    torch.rand(7)  # global random state must not matter
    assert torch.equal(first, draw(0, 3))
    assert not torch.equal(first, draw(0, 4))
    assert not torch.equal(first, draw(1, 3))


def test_augmentation_is_drawn_for_each_picture_and_keeps_the_range() -> None:
    faces = make_faces(1)
    many = faces.take(torch.zeros(64, dtype=torch.long))  # one picture 64 times
    pixels, _ = next(many.epoch(64, seed=0, epoch=0, augment=True))
    assert len(torch.unique(pixels.flatten(1), dim=0)) > 16
    assert pixels.min() >= 0
    assert pixels.max() <= 1


def test_a_shift_moves_by_at_most_its_share() -> None:
    image = torch.zeros(1, 40, 40, 3, dtype=torch.uint8)
    image[:, 20, :, :] = 255
    faces = make_faces(1)
    many = type(faces)(images=image, rows=torch.zeros(50, dtype=torch.long), labels=torch.zeros(50, dtype=torch.long))
    pixels, _ = next(many.epoch(50, seed=0, epoch=0, augment=True))
    line = pixels[:, 0, :, 20].argmax(1)
    assert (line - 20).abs().max() <= round(SHIFT * 40)
    assert len(line.unique()) > 3


def test_the_memory_map_is_read_not_copied(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "images.npy"
    np.save(path, np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3))
    mapped = np.load(path, mmap_mode="c")
    tensor = load_images(mapped, torch.device("cpu"))
    assert tensor.data_ptr() == mapped.ctypes.data


def test_a_sample_is_a_fixed_part_without_repeats() -> None:
    faces = make_faces(30)
    part = faces.sample(10, seed=1)
    assert len(part) == 10
    assert len(part.rows.unique()) == 10
    assert torch.equal(part.rows, faces.sample(10, seed=1).rows)
    assert torch.equal(faces.sample(99, seed=1).rows, faces.rows)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_batches_on_the_gpu_equal_those_on_the_cpu() -> None:
    faces = make_faces(10)
    cuda = torch.device("cuda")
    moved = type(faces)(images=faces.images.to(cuda), rows=faces.rows, labels=faces.labels.to(cuda))
    for (a, _), (b, _) in zip(
        faces.epoch(4, seed=0, epoch=0, augment=True), moved.epoch(4, seed=0, epoch=0, augment=True), strict=True
    ):
        torch.testing.assert_close(a, b.cpu())
