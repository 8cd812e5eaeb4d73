"""SIGKILL at random moments, from download to promote: run again, a round ends as if nothing had happened."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import states
import yaml
from checkouts import Checkout
from drill_round import DVC_REPRO, ROUND, Moment, Undisturbed, run_through

pytestmark = pytest.mark.end_to_end
KILLS, SEED = 50, 0
TAIL = ("unlearn@finetune", "evaluate@finetune", "compare", "register")


@pytest.mark.drill
@pytest.mark.timeout(7200)
def test_50_kills_over_whole_rounds(
    asked: Checkout, undisturbed: Undisturbed, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    """Many to a round: killed again and again on its way, which asks more of it than one kill would."""
    chance = random.Random(SEED)
    longest = 1.5 * undisturbed.seconds / len(undisturbed.stages)  # of a stage, and what DVC does behind it
    killed: list[str] = []
    mended: list[str] = []
    rounds = 0
    while len(killed) < KILLS:
        rounds += 1
        checkout = asked.copy(tmp_path / f"round{rounds}")
        ran = run_through(checkout, ROUND, moments(chance, longest), chance, most=KILLS - len(killed))
        assert not states.of(checkout).differences(undisturbed.state), f"round {rounds}, killed in {ran.killed}"
        shutil.rmtree(checkout.root)
        killed, mended = killed + ran.killed, mended + ran.mended
    where = ", ".join(f"{number} in {place}" for place, number in sorted(Counter(killed).items()))
    tell(f"SIGKILL: {len(killed)} in {rounds} rounds, all of which ended as the undisturbed one ({where})")
    said = ", ".join(f"{number} × {what.strip()}" for what, number in Counter(mended).items()) or "none"
    tell(f"SIGKILL: DVC's own files that were cut off and mended as docs/troubleshooting.md says: {said}")


def moments(chance: random.Random, longest: float) -> Iterator[Moment]:
    """Four in five after DVC has begun with a stage, so that a round goes forward however slow the machine is."""
    while True:
        begun = chance.random() < 0.8
        yield Moment(chance.uniform(0, longest), "Running stage" if begun else "")


def test_a_few_kills_at_the_end_of_a_round(copied: Callable[..., Checkout], reproduced: Checkout) -> None:
    """The same in short: a method, its evaluation, the comparison and the registry, which begins anew."""
    checkout = copied("mlartifacts", "mlflow.db*", "runs")
    lock = checkout.root / "dvc.lock"
    locked = yaml.safe_load(lock.read_text(encoding="utf-8"))
    for name in TAIL:
        del locked["stages"][name]
    lock.write_text(yaml.safe_dump(locked), encoding="utf-8")
    for name in ("models/finetune", "evaluation/finetune", "registration"):
        shutil.rmtree(checkout.root / "workspace" / name)
    chance = random.Random(SEED)
    when = iter([Moment(chance.uniform(0, 3), f"Running stage '{name}'") for name in (TAIL[0], TAIL[1], TAIL[3])])
    killed = run_through(checkout, [DVC_REPRO], when, chance).killed
    assert len(killed) >= 2, "it went faster than it was killed"
    ended = states.of(checkout)
    assert ended.runs == {"pipeline": 1, "unlearn finetune": 1, "evaluate finetune": 1, "compare": 1, "register": 1}
    different = ended.differences(states.of(reproduced))
    assert all(one.startswith("runs: ") for one in different), different
