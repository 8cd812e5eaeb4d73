"""The story of docs/erasure.md, as it runs: somebody asks, the model in service forgets them, their data go, and the
next one asks.

    make story        or: python -m examples.story

Every command is shown before it runs, then what it says, what to look at and the seconds it took. All of it happens in
a throw-away clone, local/story, with its own cache, ledger and MLflow store: this checkout stays as it is. Drawn faces,
fewer of them and shorter trainings than by default. A step that fails ends the story with exit code 1.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from benchmarks import clones

FOLDER = Path("local/story")
MODEL = "unlearned-face-classifier"
FIRST, NEXT = "p0007", "p0012"
SETTINGS = {
    "train.epochs": 8,
    "unlearn.methods": ["finetune"],
    "evaluate.bootstrap": 200,
    "validate.min_images_per_subset": 20,  # never-seen pictures with the labels of a single person
}
SERVER_SECONDS = 240.0  # longest wait for it


class StepFailed(Exception):
    """A step of the story did not do what it must."""


@dataclass
class Story:
    """A clone, and what was done in it: words of each step and the seconds it took."""

    root: Path
    steps: list[tuple[str, float]] = field(default_factory=list)

    def chapter(self, title: str, *sentences: str) -> None:
        typer.secho(f"\n{title}\n{'─' * len(title)}", bold=True)
        for sentence in sentences:
            typer.echo(sentence)

    def look(self, sentence: str) -> None:
        """What is worth a look now."""
        typer.secho(f"  → {sentence}", fg="cyan")

    def run(self, line: str) -> str:
        """A command, as one types it in the clone; what it says is shown as it comes.

        Raises:
            StepFailed: it ends with another exit code than 0.
        """
        typer.secho(f"\n$ {line}", fg="green", bold=True)
        started, said = time.monotonic(), []
        process = subprocess.Popen(
            shlex.split(line),
            cwd=self.root,
            env=clones.environment(self.root),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stdout is not None
        for one in process.stdout:
            typer.echo(f"  {one.rstrip()}")
            said.append(one)
        if code := process.wait():
            raise StepFailed(f"`{line}` ended with exit code {code}")
        self._note(line, started)
        return "".join(said)

    def _note(self, step: str, started: float) -> None:
        self.steps.append((step, time.monotonic() - started))
        typer.secho(f"  ({self.steps[-1][1]:.0f} s)", dim=True)

    def json(self, path: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.root / path).read_text(encoding="utf-8"))
        return told

    def ask(self, picture: Path) -> dict[str, Any]:
        """Serve the champion over HTTP, send it a picture file, and end the server.

        Raises:
            StepFailed: the server does not start, or answers with an error.
        """
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        started = time.monotonic()
        line = f"mlflow models serve -m models:/{MODEL}@champion --env-manager local --port {port}"
        typer.secho(f"\n$ MLFLOW_TRACKING_URI=sqlite:///mlflow.db {line} &", fg="green", bold=True)
        with self._serving(line, f"http://127.0.0.1:{port}/ping"):
            body = json.dumps({"inputs": [base64.b64encode(picture.read_bytes()).decode()]}).encode()
            send = f"""(printf '{{"inputs": ["'; base64 -w0 {picture.relative_to(self.root)}; printf '"]}}')"""
            where = f"localhost:{port}/invocations"
            kind = {"Content-Type": "application/json"}
            typer.secho(f"$ {send} | curl {where} -H 'Content-Type: application/json' -d @-", fg="green", bold=True)
            request = urllib.request.Request(f"http://{where}".replace("localhost", "127.0.0.1"), body, kind)
            with urllib.request.urlopen(request, timeout=120) as answer:
                (row,) = json.load(answer)["predictions"]
        typer.echo(f"  {json.dumps(row, ensure_ascii=False)}")
        if row["error"]:
            raise StepFailed(f"the server could not answer: {row['error']}")
        self._note("serve, and ask about a face", started)
        return dict(row)

    @contextmanager
    def _serving(self, line: str, ready: str) -> Iterator[None]:
        log = self.root / "local" / "serve.log"
        with log.open("w", encoding="utf-8") as said:
            store = {"MLFLOW_TRACKING_URI": f"sqlite:///{self.root / 'mlflow.db'}"}
            server = subprocess.Popen(
                shlex.split(line),
                cwd=self.root,
                env={**clones.environment(self.root), **store},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            deadline = time.monotonic() + SERVER_SECONDS
            while not _answers(ready):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise StepFailed(f"`{line}` does not serve:\n{log.read_text(encoding='utf-8')[-2000:]}")
                time.sleep(0.5)
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)


def main(
    folder: Path = typer.Option(FOLDER, help="of the clone; one of an earlier story is removed first"),
    persons: int = typer.Option(500, help="that are drawn, with three pictures each"),
    setting: list[str] = typer.Option([], "--set", "-S", help="as for `dvc exp run`, such as train.epochs=2"),
) -> None:
    """A request arrives; dvc repro; the certificate; promote; serve; erase; the next request. Minutes on 2 cores."""
    started = time.monotonic()
    story = Story(folder.resolve())
    try:
        prepare(story.root, persons, {**SETTINGS, **dict(clones.setting(one) for one in setting)})
        story.chapter(
            "A clone of its own",
            f"{story.root}: {persons} drawn persons with three pictures each.",
            f"Here params.yaml has {', '.join(f'{name}: {value}' for name, value in SETTINGS.items())}.",
        )
        tell(story)
    except (StepFailed, OSError, subprocess.SubprocessError) as error:
        typer.secho(f"\nerror: the story ends here: {error}", fg="red", err=True)
        typer.secho(f"The clone is left as it is: {story.root}", err=True)
        raise typer.Exit(1) from None
    story.chapter("Where the time went")
    for step, seconds in story.steps:
        typer.echo(f"{seconds:6.0f} s  {step}")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = spent.ru_utime + spent.ru_stime
    typer.echo(f"{time.monotonic() - started:6.0f} s  in all, {cpu:.0f} s of them of one core")
    typer.echo(f"\nEverything is still there to look at, in {folder}; delete it whenever you like.")


def tell(story: Story) -> None:
    """All steps, in their order.

    Raises:
        StepFailed: one of them did not do what it must.
    """
    run, look = story.run, story.look
    story.chapter("1. The data, and a key that signs", "Requests name persons of the store, so it is made first.")
    run("dvc repro download")
    public = run("dlfd certificate key local/signing.pem").split("public key ")[1].split()[0]

    story.chapter("2. A letter arrives", f"{FIRST} asks to be forgotten.")
    run(f'dlfd request add {FIRST} --reason "letter of Monday" --due 2030-01-31')
    look("requests.csv: a salted key in place of the person's; the secret salt, .dlfd-salt, never goes into git")

    story.chapter("3. dvc repro", "An original is trained, a method makes it forget, audits compare it with an oracle.")
    run("dvc repro")
    first = accepted(story)
    look("reports/report.html: every model beside the oracle; reports/registration.json: why this one")
    run("dlfd request list")

    story.chapter("4. Into service, with a certificate")
    promote(story, first, public)
    run("dlfd request list")
    commit(story, "The first request is in service")

    story.chapter("5. It answers", "A face that nobody has drawn before goes to the server as a PNG file.")
    story.ask(draw(story.root / "local" / "visitor.png"))

    story.chapter("6. Erased for real", "First a dry run: what would go, and what is out of reach. Then it goes.")
    run("dlfd erase")
    run("dlfd erase --yes")
    run("dlfd scan")
    look("pictures, caches and models that remember are gone; ledger, metrics, certificate and the champion stay")
    run("dlfd request list --all")
    commit(story, "The first request is erased")

    story.chapter("7. The next request", f"{NEXT} asks. This round starts from the model in service.")
    run(f'dlfd request add {NEXT} --reason "letter of Friday" --due 2030-02-28')
    clones.configure(story.root, {"unlearn.start_from": "champion"})
    typer.echo("(params.yaml now has unlearn.start_from: champion)")
    run("dlfd round start")
    run("dvc repro")
    second = accepted(story)
    if second == first:
        raise StepFailed("the second round has registered no new version")
    promote(story, second, public)
    run("dlfd predict local/visitor.png")
    run("dlfd request list --all")
    run("dlfd models history")


def commit(story: Story, message: str) -> None:
    """Ledger, certificates, metrics, dvc.lock: what git keeps."""
    story.run("git add --all")
    story.run(f'git commit --quiet --message "{message}"')


def promote(story: Story, version: int, public: str) -> None:
    """The version becomes the champion; its certificate is checked as whoever receives it would.

    Raises:
        StepFailed: the certificate does not hold, or names no request.
    """
    story.run("dlfd models promote --yes --key local/signing.pem")
    stem = f"certificates/{MODEL}-{version}"
    story.run(f"dlfd certificate verify {stem}.html --key {public}")
    asked = story.json(f"{stem}.json")["certificate"]["requests"]
    story.look(f"{stem}.html: a page to print and to send")
    for one in asked:
        story.look(f"request {one['request']}: {one['state']}; {one['audit']}")
    if not asked:
        raise StepFailed(f"{stem}.json names no request")


def accepted(story: Story) -> int:
    """The version that the round has registered.

    Raises:
        StepFailed: the gate refused every method.
    """
    told = story.json("reports/registration.json")
    if told["version"] is None:
        raise StepFailed(f"the gate refused every method: {told['reasons']}")
    story.look(f"the gate accepts {told['accepted']}: version {told['version']}")
    return int(told["version"])


def prepare(root: Path, persons: int, settings: Mapping[str, Any]) -> None:
    """A fresh clone with smaller data and settings, committed.

    Raises:
        StepFailed: something that is no clone of an earlier story is in the way.
    """
    import yaml

    if root.exists():
        if not (root / "dvc.yaml").is_file():
            raise StepFailed(f"{root} is there, and no clone of an earlier story: move it away")
        shutil.rmtree(root)
    clones.clone(root)
    (root / "local").mkdir()
    data = {"kind": "synthetic", "seed": 0, "persons": persons, "images_per_person": 3, "image_size": 48}
    (root / "datasets/synthetic/dataset.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    clones.configure(root, settings)
    for line in (
        "git config user.name Story",
        "git config user.email story@example.org",
        "git commit --quiet --all --message 'A small story'",
    ):
        subprocess.run(shlex.split(line), cwd=root, check=True)


def draw(path: Path) -> Path:
    """A PNG file of a face of another seed: no model has seen this person."""
    from PIL import Image

    from pipeline.data.sources import synthetic

    folder = path.with_suffix("")
    folder.mkdir()
    (folder / synthetic.DESCRIPTOR).write_text("{kind: synthetic, seed: 1, persons: 1, image_size: 96}\n")
    Image.fromarray(synthetic.read(folder).image(0)).save(path)
    shutil.rmtree(folder)
    return path


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    typer.run(main)
