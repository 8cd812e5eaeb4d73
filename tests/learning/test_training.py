from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest
import torch
from helpers import make_faces, make_model, same_state, state

from pipeline.learning.training import Checkpoint, Diverged, Updater, fit, logits_of, losses_of
from pipeline.settings import TrainSettings

SETTINGS = TrainSettings(epochs=4, batch_size=16, learning_rate=0.05, precision="fp32")


class Killed(Exception):
    """Stands for SIGKILL between two epochs."""


def kill_after(epochs: int):  # type: ignore[no-untyped-def]
    def on_epoch(row: dict[str, float]) -> None:
        if row["epoch"] + 1 == epochs:
            raise Killed

    return on_epoch


def test_training_learns_and_is_deterministic() -> None:
    first, second = make_model(), make_model()
    history = fit(first, make_faces(64), SETTINGS, seed=0, validation=make_faces(20, seed=1))
    fit(second, make_faces(64), SETTINGS, seed=0)
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]
    assert history[-1]["validation_accuracy"] > 0.5
    assert [row["epoch"] for row in history] == [0, 1, 2, 3]
    assert same_state(state(first), state(second))
    assert not first.training


def test_validation_changes_nothing() -> None:
    with_validation, without = make_model(), make_model()
    fit(with_validation, make_faces(32), SETTINGS, seed=0, validation=make_faces(20, seed=1))
    fit(without, make_faces(32), SETTINGS, seed=0)
    assert same_state(state(with_validation), state(without))


@pytest.mark.parametrize("killed_after", [1, 3])
def test_a_killed_training_ends_like_an_undisturbed_one(tmp_path: Path, killed_after: int) -> None:
    undisturbed = make_model()
    expected = fit(undisturbed, make_faces(48), SETTINGS, seed=0)

    checkpoint = Checkpoint(tmp_path / "model.pt", "same")
    with pytest.raises(Killed):
        fit(make_model(), make_faces(48), SETTINGS, seed=0, checkpoint=checkpoint, on_epoch=kill_after(killed_after))
    told: list[float] = []
    resumed = make_model(seed=9)  # its own initialisation must not matter
    history = fit(
        resumed,
        make_faces(48),
        SETTINGS,
        seed=0,
        checkpoint=checkpoint,
        on_epoch=lambda row: told.append(row["epoch"]),
    )
    assert same_state(state(undisturbed), state(resumed))
    assert [row["loss"] for row in history] == [row["loss"] for row in expected]
    assert told == [0, 1, 2, 3]  # trackers hear of the epochs before the kill, too


@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_a_damaged_checkpoint_is_told_and_ignored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    history = fit(make_model(), make_faces(16), SETTINGS, seed=0, checkpoint=Checkpoint(tmp_path / "model.pt", "x"))
    assert len(history) == SETTINGS.epochs
    assert "is damaged" in capsys.readouterr().err


def test_a_checkpoint_of_another_training_is_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with pytest.raises(Killed):
        fit(make_model(), make_faces(16), SETTINGS, seed=0, checkpoint=Checkpoint(path, "one"), on_epoch=kill_after(2))
    model, updater = make_model(), Updater(make_model().parameters(), SETTINGS, 10)
    assert Checkpoint(path, "another").restore(model, updater) == []
    assert len(Checkpoint(path, "one").restore(model, updater)) == 2


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    settings = TrainSettings(epochs=3, batch_size=16, learning_rate=1e30, precision="fp32")
    with pytest.raises(Diverged, match="lower the learning rate"):
        fit(make_model(), make_faces(32), settings, seed=0)


def test_the_schedule_falls_from_the_learning_rate_to_zero() -> None:
    updater = Updater(make_model().parameters(), SETTINGS, total_steps=8)
    rates = []
    for _ in range(8):
        rates.append(updater.learning_rate())
        updater.steps += 1
    assert rates[0] == SETTINGS.learning_rate
    assert rates == sorted(rates, reverse=True)
    assert rates[4] == pytest.approx(SETTINGS.learning_rate / 2)
    assert updater.learning_rate() == pytest.approx(0)


def test_losses_are_per_picture_in_order_and_leave_the_model_alone() -> None:
    model, faces = make_model().train(), make_faces(10)
    before = state(model)
    losses = losses_of(model, faces)
    assert model.training
    assert same_state(before, state(model))
    model.eval()
    alone = torch.cat([losses_of(model, faces.take(torch.tensor([i]))) for i in range(10)])
    torch.testing.assert_close(losses, alone)
    assert logits_of(model, faces).shape == (10, 3)


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    from stages.common import explain

    path = tmp_path / "model.pt"
    checkpoint = Checkpoint(path, "same")
    model = make_model()
    updater = Updater(model.parameters(), SETTINGS, 4)
    checkpoint.save(model, updater, [{"epoch": 0}])
    path.with_suffix(".unfinished").symlink_to("/dev/full")
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is what counts
        checkpoint.save(model, updater, [{"epoch": 0}, {"epoch": 1}])
    assert "disk is full while writing" in (explain(caught.value) or "")
    assert checkpoint.restore(model, updater) == [{"epoch": 0}]


def test_a_limit_on_files_is_not_told_as_a_full_disk(tmp_path: Path) -> None:
    from stages.common import explain

    model = make_model()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is what counts
            Checkpoint(tmp_path / "model.pt", "same").save(model, Updater(model.parameters(), SETTINGS, 4), [])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)
    assert "may not grow any further" in (explain(caught.value) or "")
    assert list(tmp_path.iterdir()) == []
