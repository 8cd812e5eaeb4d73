"""Training: our batches against torchvision's usual recipe, and against what the device can do at all.

- ours: `pipeline.learning.training.fit` on the store, flip, shift and brightness included.
- recipe: ImageFolder of JPEG files, DataLoader with a worker a core, RandomHorizontalFlip, RandomAffine, ColorJitter,
  ToTensor, Normalize; ResNet18 in fp32, SGD.
- recipe's pictures: the same pictures through the same DataLoader, and our model, precision and step: beside it ours
  differs in where pictures come from alone.
- ceiling: forward, backward and optimiser step of the same model in the same precision on one batch of random
  tensors that never leaves the device.

    python -m benchmarks.training
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import typer
from torch import nn

from benchmarks import measure
from benchmarks.inputs import CLASSES, classifier, noise_faces
from pipeline.data.batches import BRIGHTNESS, SHIFT, Faces
from pipeline.learning.models import FaceClassifier
from pipeline.learning.objectives import losses
from pipeline.learning.training import Updater, fit, predict
from pipeline.settings import TrainSettings

GOAL = 0.9


def main(
    repeats: measure.Count = 5,
    images: measure.Count = 2560,
    image_size: measure.Count = 48,
    batch_size: int = typer.Option(64, min=2),
    workers: int = -1,
) -> None:
    """Images a second of all of them."""
    device = measure.device()
    workers = torch.get_num_threads() if workers < 0 else workers
    faces = noise_faces({"retain": images}, image_size, device)["retain"]
    settings = TrainSettings(epochs=1, batch_size=batch_size)
    with tempfile.TemporaryDirectory() as folder:
        _write_folder(faces, Path(folder))
        functions: dict[str, Callable[[], object]] = {
            "ours": partial(fit, classifier(device), faces, settings, seed=0),
            "ceiling": partial(_ceiling, classifier(device), faces, settings),
            "recipe": _Recipe(Path(folder), device, batch_size, workers),
            "recipe's pictures": _Recipe(Path(folder), device, batch_size, workers).with_our_step(settings),
        }
        seconds = measure.interleaved(functions, repeats, device)
    rows = [
        {
            "what": name,
            "images/s": measure.summary([images / one for one in taken]),
            "times the recipe": measure.ratio(seconds["recipe"], taken),
            "share of the ceiling": measure.ratio(seconds["ceiling"], taken),
        }
        for name, taken in seconds.items()
    ]
    measure.report(
        "training",
        device,
        rows,
        repeats=repeats,
        setting=f"ResNet18, {images} pictures, {image_size} px, batch {batch_size}, recipe with {workers} workers",
        goal=f"at least {GOAL:.0%} of the ceiling",
    )


def _ceiling(model: FaceClassifier, faces: Faces, settings: TrainSettings) -> None:
    """As many steps as an epoch has, on one batch."""
    steps = faces.batches(settings.batch_size)
    pixels, labels = next(faces.in_order(settings.batch_size))
    updater = Updater(model.parameters(), settings, steps)
    model.train()
    for _ in range(steps):
        updater.step(losses(predict(model, pixels, settings.precision), labels).mean())


def _write_folder(faces: Faces, folder: Path) -> None:
    from PIL import Image

    for number, label in enumerate(faces.labels.tolist()):
        path = folder / str(label) / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(faces.images[number].cpu().numpy()).save(path, quality=90)


class _Recipe:
    """Call it for an epoch as torchvision's tutorials write it."""

    def __init__(self, folder: Path, device: torch.device, batch_size: int, workers: int) -> None:
        from torch.utils.data import DataLoader
        from torchvision import datasets, models, transforms

        seen = transforms.Compose(
            [
                transforms.RandomHorizontalFlip(),
                transforms.RandomAffine(0, translate=(SHIFT, SHIFT)),
                transforms.ColorJitter(brightness=BRIGHTNESS),
                transforms.ToTensor(),
                transforms.Normalize([0.5] * 3, [0.25] * 3),
            ]
        )
        pinned = device.type == "cuda"
        self.loader = DataLoader(
            datasets.ImageFolder(folder, seen), batch_size, shuffle=True, num_workers=workers, pin_memory=pinned
        )
        self.model, self.device = models.resnet18(num_classes=CLASSES).to(device).train(), device
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)

    def __call__(self) -> None:
        for pixels, labels in self.loader:
            loss = nn.functional.cross_entropy(self.model(pixels.to(self.device)), labels.to(self.device))
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()

    def with_our_step(self, settings: TrainSettings) -> Callable[[], None]:
        """An epoch of its pictures with the model, precision and optimiser step of the pipeline."""
        model = classifier(self.device)

        def epoch() -> None:
            updater = Updater(model.parameters(), settings, len(self.loader))
            model.train()
            for pixels, labels in self.loader:
                given = pixels.to(self.device, memory_format=torch.channels_last)
                updater.step(losses(predict(model, given, settings.precision), labels.to(self.device)).mean())

        return epoch


if __name__ == "__main__":
    measure.program(main)
