"""Pictures -> labels and probabilities: what training saw, one answer each, whatever comes."""

from __future__ import annotations

import base64
import io
import re
import threading
from pathlib import Path

import hostile
import numpy as np
import pytest
import torch
from helpers import CLASSES, SIDE, make_model
from PIL import Image

from pipeline.data import store, subsets
from pipeline.data.sources import RawDataset, common
from pipeline.errors import ModelError
from pipeline.learning import models
from pipeline.serving import batch_prediction, prediction
from pipeline.serving.prediction import Predictor
from pipeline.settings import DataSettings

NAMES = ["child", "adult", "elder"]
INFO = {"classes": NAMES, "image_size": SIDE, "task": "age"}
RAW = [hostile.picture(seed=seed) for seed in range(3)]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    assert len(NAMES) == CLASSES
    return Predictor(make_model(), INFO, max_bytes=5000)


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def turned(degrees: int, orientation: int) -> bytes:
    """The same scene whichever way the camera was held: the EXIF orientation says how."""
    scene = Image.fromarray(np.arange(30 * 20 * 3, dtype=np.uint8).reshape(30, 20, 3))
    exif, stored = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    scene.rotate(degrees, expand=True).save(stored, "PNG", exif=exif)
    return stored.getvalue()


def test_a_file_is_seen_as_training_saw_it(tmp_path: Path, predictor: Predictor) -> None:
    files = {"a.jpg": RAW[0], "b.png": turned(90, 6), "c.webp": hostile.picture("WEBP", side=40)}
    for name, raw in files.items():
        (tmp_path / "raw" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "raw" / name).write_bytes(raw)
    table = common.canonical(list(files), {"age": np.zeros(len(files))}, person=list("abc"))
    data: RawDataset = common.dataset("tiny", tmp_path / "raw", {"age": NAMES}, table)
    store.build(data, tmp_path / "faces", DataSettings(image_size=SIDE))
    split = table.assign(image=range(len(files)), label=0, unit=list("abc"), subset="retain", reason="")
    faces = subsets.load(tmp_path / "faces", split, torch.device("cpu"), task="age", only=("retain",))["retain"]
    pixels, _ = next(faces.in_order(len(files)))
    with torch.no_grad():
        wanted = make_model()(pixels).softmax(1).numpy()
    for given in ([tmp_path / "raw" / name for name in files], files.values(), map(encoded, files.values())):
        found = [answer.probabilities for answer in predictor.answers(given)]
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_the_label_is_the_likeliest_class(predictor: Predictor) -> None:
    for answer in predictor.answers(RAW):
        assert sum(answer.probabilities) == pytest.approx(1)
        assert answer.label == NAMES[int(np.argmax(answer.probabilities))]
        assert answer.error is None
        assert list(answer.row(NAMES)) == [
            "label",
            "probability_child",
            "probability_adult",
            "probability_elder",
            "error",
        ]


def test_attributes_are_independent() -> None:
    info = INFO | {"task": "attributes"}
    (answer,) = Predictor(make_model(), info).answers(RAW[:1])
    likely = [name for name, share in zip(NAMES, answer.probabilities, strict=True) if share >= 0.5]
    assert answer.label == ", ".join(likely)
    with torch.no_grad():
        logit = torch.logit(torch.tensor(answer.probabilities))
    (plain,) = Predictor(make_model(), INFO).answers(RAW[:1])
    np.testing.assert_allclose(logit.softmax(0), plain.probabilities, atol=1e-5)


def test_the_camera_held_upright_or_not(predictor: Predictor) -> None:
    upright, held = predictor.answers([turned(0, 1), turned(90, 6)])
    assert upright == held


def test_bytes_text_and_pixels(predictor: Predictor) -> None:
    squared = np.asarray(Image.open(io.BytesIO(RAW[0])).convert("RGB").crop((2, 0, 26, 24)))
    whole = Predictor(make_model(), INFO | {"image_size": 24}).answers
    wrapped = "\n".join(encoded(RAW[0])[at : at + 76] for at in range(0, len(encoded(RAW[0])), 76))
    pixels = squared.transpose(2, 0, 1) / 255
    given = [RAW[0], bytearray(RAW[0]), encoded(RAW[0]), wrapped, f"data:image/jpeg;base64,{encoded(RAW[0])}"]
    first, *others = whole([*given, pixels, pixels.tolist()])
    assert first.error is None
    for other in others:
        assert other.label == first.label
        np.testing.assert_allclose(other.probabilities, first.probabilities, atol=1e-6)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (None, "a NoneType, not a file's bytes"),
        (7, "a int, not"),
        (float("nan"), "a float, not"),
        ({"a": 1}, "a dict, not"),
        ("not base64!", "not base64"),
        ("é" * 8, "not base64"),
        ("QUJD" * 3, "not a picture that can be read"),
        ("", "not a picture that can be read"),
        ("QUJD" * 5000, r"15,000 bytes, no more than 5,000"),
        (bytes(6000), r"6,000 bytes, no more than 5,000"),
        (RAW[0][:700], "truncated"),
        (Path("nowhere.jpg"), r"nowhere\.jpg: there is no such file"),
        ([[1.0, 2.0], [3.0]], "neither a file nor pixels"),
        (["QUJD"], "neither a file nor pixels"),
        *((numbers, "neither a file nor pixels") for numbers in hostile.NUMBERS),
        (Path("a" * 300), "^a{300}: File name too long$"),
        (np.zeros((3, SIDE, SIDE + 1)), rf"pixels \[3, {SIDE}, {SIDE + 1}\], expected \[3, {SIDE}, {SIDE}\]"),
        (np.full((3, SIDE, SIDE), 255.0), r"beyond \[0, 1\]"),
        (np.full((3, SIDE, SIDE), np.nan), r"beyond \[0, 1\]"),
    ],
    ids=lambda value: repr(value)[:30].replace("\n", ""),
)
def test_a_bad_picture_costs_its_own_answer_alone(predictor: Predictor, bad: object, told: str) -> None:
    alone = list(predictor.answers(RAW[:2]))
    first, lost, second = predictor.answers([RAW[0], bad, RAW[1]])
    assert [first.label, second.label] == [answer.label for answer in alone]
    assert (lost.label, lost.probabilities) == (None, ())
    assert lost.error is not None
    assert re.search(told, lost.error), lost.error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("whatever"), "the picture: whatever"),
        (ZeroDivisionError(), "the picture: ZeroDivisionError"),
        (MemoryError(), "the picture: not enough memory"),
    ],
    ids=repr,
)
def test_an_error_that_nobody_thought_of_costs_one_answer_too(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    square = prediction.images.square

    def failing(pixels: np.ndarray, size: int) -> np.ndarray:
        if len(pixels) == 7:
            raise error
        return square(pixels, size)

    monkeypatch.setattr(prediction.images, "square", failing)
    lost, found = predictor.answers([hostile.picture(side=7), RAW[0]])
    assert (lost.label, lost.error) == (None, told)
    assert found.error is None


def test_pictures_are_answered_in_order_and_read_as_they_are_needed(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction, "BATCH", 4)
    taken = 0

    def pictures() -> object:
        nonlocal taken
        for number in range(40):
            taken += 1
            yield RAW[number % 3] if number % 5 else b"spoilt"

    alone = [answer.label for answer in predictor.answers(RAW)]
    for number, answer in enumerate(predictor.answers(pictures())):  # type: ignore[arg-type]
        assert answer.label == (alone[number % 3] if number % 5 else None)
        assert taken <= number + 1 + 2 * 4, "two batches are in memory, not all pictures"
    assert number == 39


def test_many_requests_at_once(predictor: Predictor) -> None:
    wanted, found = list(predictor.answers(RAW)), {}

    def ask(number: int) -> None:
        found[number] = list(predictor.answers(RAW))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(8), wanted)


def test_a_model_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.json not found"):
        prediction.load(tmp_path)
    model = models.build("resnet18", 2)
    models.save(model, tmp_path, {"architecture": "resnet18", "classes": ["a", "b"], "image_size": 32})
    (answer,) = prediction.load(tmp_path).answers(RAW[:1])
    assert answer.label in ("a", "b")


def test_what_is_looked_for_in_a_folder(tmp_path: Path) -> None:
    for name in ("b/2.PNG", "b/10.jpg", "a.jpeg", "c.tif", "notes.txt", ".hidden.jpg", ".cache/x.jpg", "b/._2.PNG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [str(path.relative_to(tmp_path)) for path in batch_prediction.find([tmp_path])]
    assert found == ["a.jpeg", "c.tif", "b/10.jpg", "b/2.PNG"]
    named = [tmp_path / "notes.txt", tmp_path / "nowhere.jpg"]
    assert list(batch_prediction.find(named)) == named, "what is named is tried, and told of where it is none"
