from __future__ import annotations

import math

import pytest
import torch
from helpers import make_model, make_subsets, same_state, state

from pipeline.evaluation import relearn
from pipeline.learning.training import Updater, fit, losses_of
from pipeline.settings import TrainSettings

SUBSETS = make_subsets()
FORGET = SUBSETS["forget"]
TRAINING = TrainSettings(epochs=40, batch_size=16, learning_rate=0.05, precision="fp32", augment=False)


def test_what_was_learned_once_comes_back_sooner() -> None:
    original, fresh, hidden = make_model(), make_model(), make_model()
    fit(original, SUBSETS["retain"].joined(FORGET), TRAINING, seed=0)
    fit(fresh, SUBSETS["retain"], TRAINING, seed=0)
    hidden.load_state_dict(original.state_dict())
    fit(hidden, SUBSETS["retain"], TrainSettings(**{**vars(TRAINING), "epochs": 3}), seed=0)
    target = float(losses_of(original, relearn.watched(FORGET, 0)).mean()) + 0.05
    before = state(fresh)
    steps = [
        relearn.relearn_steps(model, FORGET, target, TRAINING, limit=400, seed=0) for model in (original, hidden, fresh)
    ]
    assert steps[0] == 0
    assert steps[0] <= steps[1] < steps[2] < 400
    assert all(count % relearn.EVERY == 0 for count in steps)
    assert same_state(before, state(fresh))


@pytest.mark.parametrize("limit", [0, 3, 5, 7])
def test_it_is_given_up_at_the_limit_after_a_last_look(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(Updater, "step", lambda self, loss: taken.append(1))
    assert relearn.relearn_steps(make_model(), FORGET, -1.0, TRAINING, limit=limit, seed=0) is None
    assert len(taken) == limit
    looks = iter([9.0] * math.ceil(limit / relearn.EVERY) + [0.0])
    monkeypatch.setattr(relearn, "losses_of", lambda *_: torch.tensor([next(looks)]))
    assert relearn.relearn_steps(make_model(), FORGET, 1.0, TRAINING, limit=limit, seed=0) == limit


def test_relearning_is_slow_and_steady() -> None:
    slow = relearn.slow(TRAINING)
    assert slow.learning_rate == pytest.approx(TRAINING.learning_rate / 10)
    assert (slow.schedule, slow.augment) == ("constant", False)
