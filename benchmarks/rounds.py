"""Rounds of forgetting in a row, each from the model that the one before put into service, beside retraining each time.

A clone for each method: in every round some more persons ask, `dvc repro` forgets them, the model is promoted if the
gate lets it, and the next round starts from it. Where the gate refuses, the next round tries again with more persons.
A run that was stopped goes on where it was; one of other persons, settings or code asks for another folder.

    python -m benchmarks.rounds                                      5 rounds of 20 persons, finetune and dlfd
    python -m benchmarks.rounds --rounds 2 --persons 5 --methods finetune
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import typer

from benchmarks import clones, measure

FOLDER = Path("local/rounds")
BEGUN = Path("local/begun.json")  # of a clone: with what
COLUMNS = {  # of the Markdown table
    "method": "method",
    "round": "round",
    "new": "new persons",
    "earlier": "earlier",
    "accuracy": "test accuracy",
    "retrained_accuracy": "retrained",
    "auc": "new: AUC",
    "verdict": "verdict",
    "earlier_auc": "earlier: AUC",
    "earlier_verdict": "verdict ",
    "earlier_detected": "found again",
    "in_service": "in service",
    "seconds": "unlearning, s",
    "retrained_seconds": "retraining, s",
    "saved": "times faster",
}


def main(
    rounds: measure.Count = 5,
    persons: measure.Count = 20,
    methods: str = "finetune,dlfd",
    folder: Path = FOLDER,
    setting: list[str] = typer.Option([], "--set", "-S", help="as for `dvc exp run`, such as train.epochs=2"),
) -> None:
    """Minutes a round and method: the oracle is retrained in each, to compare with."""
    rows, data = [], ""
    for method in methods.split(","):
        root = (folder / method).resolve()
        begin(root, {"persons": persons, "set": sorted(setting), "code": clones.code()})
        clones.configure(root, {"unlearn.methods": [method], **dict(clones.setting(one) for one in setting)})
        rows += chain(root, method, rounds=rounds, persons=persons)
        data = measure.data_set(root)  # one for all methods, as `begin` sees to
    told = {"data": data, "persons_a_round": persons, "set": ", ".join(setting)}
    measure.report("rounds", measure.device(), rows, repeats=1, **told)
    path = measure.folder() / f"rounds-{measure.device().type}.md"
    path.write_text(markdown(rows), encoding="utf-8")
    typer.echo(path.read_text(encoding="utf-8"))


def begin(root: Path, asked: dict[str, Any]) -> None:
    """A clone in which nothing is done yet, or one that was begun with the same.

    Raises:
        BenchmarkError: it was begun with something else, whose rounds would stand in this record.
    """
    told = root / BEGUN
    if not root.exists():
        clones.clone(root)
        told.parent.mkdir(exist_ok=True)
        told.write_text(json.dumps(asked), encoding="utf-8")
    begun = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {}
    other = [f"{name} {begun.get(name)}, not {value}" for name, value in asked.items() if begun.get(name) != value]
    if other:
        raise measure.BenchmarkError(f"{root} was begun with {'; '.join(other)}: remove it or name another --folder")


def chain(root: Path, method: str, *, rounds: int, persons: int) -> list[dict[str, Any]]:
    """The first rounds of one method in a checkout whose params.yaml has that method alone; a row a round.

    Raises:
        BenchmarkError: a command failed; its output is in the message.
    """
    state = root / "local" / "rounds.json"
    done: list[dict[str, Any]] = json.loads(state.read_text(encoding="utf-8")) if state.exists() else []
    for number in range(len(done) + 1, rounds + 1):
        _ask(root, number, rounds, persons)
        _command(root, "dvc", "repro")
        row = {"method": method, "round": number, "commit": clones.commit(root), **_figures(root, method)}
        if row["accepted"]:
            _command(root, "dlfd", "models", "promote", "--yes")
            clones.configure(root, {"unlearn.start_from": "champion"})
        row["in_service"] = "yes" if row.pop("accepted") else "refused"
        done.append(row)
        state.parent.mkdir(exist_ok=True)
        state.write_text(json.dumps(done, indent=2) + "\n", encoding="utf-8")
        print(row, file=sys.stderr)
    return done[:rounds]


def markdown(rows: list[dict[str, Any]]) -> str:
    """The rows as a table for people."""
    lines = [list(COLUMNS.values()), ["---"] * len(COLUMNS)]
    lines += [[_text(row.get(key, "")) for key in COLUMNS] for row in rows]
    head = "# Rounds in a row\n\nAUC: of the attack that decides the verdict, .5 is forgotten; of earlier persons the "
    head += "calibrated one. “found again”: at 1 % false alarms. Seconds: of the round alone.\n\n"
    return head + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _ask(root: Path, number: int, rounds: int, persons: int) -> None:
    """Enter the requests of a round, once; whoever is asked for in which round does not depend on what happens.

    Raises:
        BenchmarkError: fewer persons were learned than are to ask.
    """
    import pandas as pd

    reason = f"round {number}"
    ledger = (root / "requests.csv").read_text(encoding="utf-8")
    if f",{reason}," not in ledger:
        if number == 1:
            _command(root, "dvc", "repro", "split")
        sides = pd.read_csv(root / "workspace/splits/sides.csv", dtype=str)
        learned = sorted(sides.loc[sides["side"].isin(["retain", "forget"]), "person"])
        if rounds * persons > len(learned):
            raise measure.BenchmarkError(
                f"{rounds} rounds of {persons} persons: {len(learned)} were learned; ask for fewer"
            )
        order = np.random.default_rng(0).permutation(learned)
        chosen = order[(number - 1) * persons : number * persons]
        _command(root, "dlfd", "request", "add", *chosen, "--reason", reason)
    service = json.loads((root / "erasure/round.json").read_text(encoding="utf-8"))
    if number > 1 and "start_from: champion" in (root / "params.yaml").read_text(encoding="utf-8"):
        _command(root, "dlfd", "round", "start")
        print(
            f"round {number} starts from the champion (before: {service['model'] or 'the original'})", file=sys.stderr
        )


def _figures(root: Path, method: str) -> dict[str, Any]:
    def read(path: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((root / path).read_text(encoding="utf-8"))
        return told

    own, oracle, start = (read(f"metrics/{name}.json") for name in (method, "retrained", "original"))
    gate = read("reports/registration.json")
    return {
        "new": int(own["persons_audited"]),
        "earlier": int(own.get("forgotten_persons", 0)),
        "start_accuracy": start["test_accuracy"],
        "accuracy": own["test_accuracy"],
        "retrained_accuracy": oracle["test_accuracy"],
        "start_auc": start["strongest_auc"],
        "auc": own["strongest_auc"],
        "verdict": own["verdict"],
        "detected": int(own["persons_detected"]),
        "earlier_auc": own.get("forgotten_auc", ""),
        "earlier_auc_low": own.get("forgotten_auc_low", ""),
        "earlier_auc_high": own.get("forgotten_auc_high", ""),
        "earlier_verdict": own.get("forgotten_verdict", ""),
        "earlier_detected": int(own["forgotten_persons_detected"]) if "forgotten_persons" in own else "",
        "accepted": gate["accepted"] == method,
        "reasons": "; ".join(gate["reasons"][method]),
        "seconds": own["seconds"],
        "retrained_seconds": oracle["seconds"],
        "saved": oracle["seconds"] / own["seconds"],
    }


def _command(root: Path, *command: str) -> None:
    words = [sys.executable, "-m", "dvc", *command[1:]] if command[0] == "dvc" else list(command)
    done = subprocess.run(words, cwd=root, env=clones.environment(root), capture_output=True, text=True, check=False)
    if done.returncode:
        raise measure.BenchmarkError(f"{' '.join(command[:3])} in {root}: {done.stdout[-1500:]}\n{done.stderr[-3000:]}")


def _text(value: Any) -> str:
    return (
        f"{value:.3f}"
        if isinstance(value, float) and value < 2
        else f"{value:.0f}"
        if isinstance(value, float)
        else str(value)
    )


if __name__ == "__main__":
    measure.program(main)
