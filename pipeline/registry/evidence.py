"""What the registry keeps of a version, so that years later it can be said what it has forgotten and how one knows.

A JSON document beside the model (`evidence/<its SHA-256>.json`; the version's tag `evidence_sha256` names the one that
counts): method and settings, the metrics and audits of the model, the original and the oracle, the gate's decision, the
requests that it has forgotten, hashes of data, split and weights. Promotion and certificates read it, never the
workspace, which moves on. Persons are in it by pseudonymous keys alone.

What MLflow shows of it are the tags `verdict`, `requests_forgotten`, `parent_version`, `artifact_sha256`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline import canonical, layout, pseudonyms, stored_json
from pipeline.config import Params
from pipeline.erasure import progress, requests
from pipeline.erasure.requests import Request
from pipeline.errors import RegistryError
from pipeline.hashes import file_hash
from pipeline.registry import version_files, versions
from pipeline.registry.gate import Decision
from pipeline.registry.versions import Version
from pipeline.tracking import tracking_store
from pipeline.tracking.run_tree import flatten
from pipeline.tracking.tracking_store import Store

FORMAT = "dlfd-evidence/1"
SHA, ARTIFACT_SHA = "evidence_sha256", "artifact_sha256"
REQUESTS, VERDICT, PARENT, PARENT_SHA = "requests_forgotten", "verdict", "parent_version", "parent_weights_sha256"
ORIGINAL = "original"  # as parent: a model that is in no registry
DESCRIBED = ("architecture", "task", "classes", "image_size", "dataset", "seed", "trained_on", "persons_forgotten")
SHOWN_IDS = 2000  # request ids in a tag, which MLflow limits; the document has them all
ANEW = "`dvc repro --force --single-item register` enters it anew where its model is still the accepted one"


@dataclass(frozen=True)
class Evidence:
    """What is stored with a version.

    Attributes:
        told: the document.
        requests: id -> what is known of it: person (key), received, due, verdict, rank, detected.
    """

    told: dict[str, Any]

    @property
    def requests(self) -> dict[str, dict[str, Any]]:
        return dict(self.told["requests"])

    @property
    def persons(self) -> set[str]:
        """Keys of the persons who asked and whom the version has forgotten."""
        return {str(one["person"]) for one in self.requests.values()}


def gather(name: str, params: Params, decision: Decision) -> dict[str, Any]:
    """The document of a model of the workspace.

    Args:
        name: of the method.

    Raises:
        DataError: a result is missing or damaged.
        RequestError, SaltError: a ledger or the salt cannot be used.
    """
    from pipeline.learning.models import INFO, WEIGHTS

    infos = {one: stored_json.read_json(layout.MODELS / one / INFO) for one in (name, ORIGINAL)}
    models = {"model": name, "original": ORIGINAL, "oracle": "retrained"}
    split = stored_json.read_json(layout.SPLITS / "splits.json")
    dataset = stored_json.read_json(layout.FACES / "dataset.json")
    told = {
        "format": FORMAT,
        "method": name,
        "settings": infos[name].get("settings", {}),
        "description": {key: infos[name][key] for key in DESCRIBED if key in infos[name]},
        "parameters": pseudonyms.without_persons(flatten(asdict(params))),
        "metrics": {role: stored_json.read_json(layout.METRICS / f"{one}.json") for role, one in models.items()},
        "audits": {role: _attacks(one) for role, one in models.items()},
        "gate": {**asdict(decision), "thresholds": asdict(params.register)},
        "requests": _requests(name),
        "data": {key: dataset.get(key) for key in ("name", "images", "persons", "image_size")},
        "split": {key: split.get(key) for key in ("protocol", "seed", "counts", "persons")},
        "parent_weights_sha256": file_hash(layout.MODELS / ORIGINAL / WEIGHTS),
    }
    return dict(canonical.plain(told))


def attach(name: str, number: int, told: Mapping[str, Any]) -> None:
    """Store the document with a registered version; again, what it had forgotten before stays in it.

    The hash of the version's files is taken once, when the first document is stored: what changed since is found out
    at promotion, not overwritten.

    Raises:
        RegistryError: the version's files are gone.
        TrackingError: MLflow cannot be reached.
    """
    store = tracking_store.connect()

    def work() -> None:
        known = versions.every(name, store)
        version = versions.find(known, name, number)
        before = find(version, store)
        try:
            files = before.told["files"] if before else version_files.hashes(store, version.source)
        except RegistryError as error:
            what = f"version {number} of {name} has these weights, but {error}"
            raise RegistryError(f"{what}: delete that version in MLflow, and this command enters it anew") from None
        kept = {**(before.requests if before else {}), **told["requests"]}
        parent = _parent(known, version, str(told["parent_weights_sha256"]))
        stored = {**told, "files": files, "requests": kept, "parent_version": parent}
        content = canonical.dumps(stored)
        digest = hashlib.sha256(content).hexdigest()
        tags = {
            VERDICT: str(told["metrics"]["model"].get("verdict", "")),
            REQUESTS: ", ".join(sorted(kept)[:SHOWN_IDS]),
            PARENT: parent,
            PARENT_SHA: str(told["parent_weights_sha256"]),
            ARTIFACT_SHA: version.tags.get(ARTIFACT_SHA) or canonical.digest(files),
        }
        if version.tags.get(SHA) != digest:
            version_files.write(store, version.source, f"{digest}.json", content)
        for key, value in {**tags, SHA: digest}.items():  # the tag that names the document comes last
            if version.tags.get(key) != value:
                store.client.set_model_version_tag(name, str(number), key, value)

    store.call(work)


def read(version: Version, store: Store) -> Evidence:
    """What is stored with a version.

    Raises:
        RegistryError: nothing is, or it is not what was stored; says what to do.
        TrackingError: MLflow cannot be reached.
    """
    if not (digest := version.tags.get(SHA)):
        raise RegistryError(
            f"no evidence is stored with it (it was registered by an earlier release, or by hand): {ANEW}"
        )
    content = store.call(lambda: version_files.read(store, version.source, f"{digest}.json"))
    if hashlib.sha256(content).hexdigest() != digest:
        raise RegistryError(f"the evidence stored with it is not what its tag {SHA} says: {ANEW}")
    return Evidence(dict(canonical.loads(content)))


def persons(version: Version, store: Store) -> set[str] | None:
    """Keys of those whom a version's own evidence says it has forgotten; None where it has none that can be read.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    found = find(version, store)
    return found.persons if found else None


def service(name: str, version: Version) -> progress.Service:
    """Whom of the open requests a version has unlearned, by the ledger and by its own evidence.

    Raises:
        RequestError: a ledger cannot be read.
        TrackingError: MLflow cannot be reached.
    """
    return progress.service(f"{name}/{version.number}", persons(version, tracking_store.connect()))


def knows_erased(version: Version) -> list[str]:
    """Ids of erased requests whose persons a version may still know: its evidence does not name them.

    Their data were erased in another checkout, whose ledger came here, before this one made the version forget them.

    Raises:
        RequestError: a ledger cannot be read.
        SaltError: the salt cannot be read.
        TrackingError: MLflow cannot be reached.
    """
    erased = [request for request in requests.read() if request.erased]
    if not erased:
        return []
    salt, own = pseudonyms.load(), persons(version, tracking_store.connect()) or set()
    return sorted(one.id for one in erased if salt.made(one.person) and one.person not in own)


def forgetful(name: str, known: Iterable[Version], asked: list[Request]) -> set[str]:
    """Versions, as `name/number`, that have unlearned all of these requests, by the ledger and by their own evidence.

    It is asked what may stay when data are erased: a version whose evidence cannot be read may remember anybody, and
    is not among them.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    store = tracking_store.connect()
    own = {f"{name}/{version.number}": persons(version, store) for version in known}
    told = {model: keys for model, keys in own.items() if keys is not None}
    return {model for model, keys in told.items() if all(progress.has_unlearned(one, model, keys) for one in asked)}


def changed_files(version: Version, found: Evidence | None, store: Store) -> list[str]:
    """How the files of a version differ from those that were registered, a phrase each; none where they are the same.

    Raises:
        RegistryError: the files are gone.
        TrackingError: MLflow cannot be reached.
    """
    present = store.call(lambda: version_files.hashes(store, version.source))
    if canonical.digest(present) == version.tags.get(ARTIFACT_SHA):
        return []
    stored = found.told["files"] if found else {}
    told = [f"{path} is missing" for path in stored if path not in present]
    told += [f"{path} is new" for path in present if stored and path not in stored]
    told += [f"{path} has changed" for path in present if path in stored and stored[path] != present[path]]
    return told or ["they are not what they were"]


def find(version: Version, store: Store) -> Evidence | None:
    """As `read`; None where there is none, or it is damaged."""
    try:
        return read(version, store)
    except RegistryError:
        return None


def _parent(known: list[Version], version: Version, weights: str) -> str:
    """The registered version that has the weights it started from; `original` where none has."""
    others = [one for one in known if one.number != version.number]
    return next((str(one.number) for one in others if one.tags.get(versions.WEIGHTS_SHA) == weights), ORIGINAL)


def _attacks(name: str) -> dict[str, dict[str, float]]:
    """attacks.csv of a model: attack -> its figures."""
    import pandas as pd

    from pipeline.errors import DataError

    path = layout.EVALUATION / name / "attacks.csv"
    try:
        table = pd.read_csv(path).set_index("attack")
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is missing or damaged ({error}): run `dvc repro`") from None
    return {str(attack): {str(key): float(value) for key, value in row.items()} for attack, row in table.iterrows()}


def _requests(name: str) -> dict[str, dict[str, Any]]:
    """Of every request that the model has forgotten: who, since when, and what the audit says of the person."""
    asked = {request.id: request for request in requests.read()}
    if not asked:
        return {}
    from pipeline.data import splits

    units = progress.covered(splits.read(layout.SPLITS))
    if not units:
        return {}
    ranks = progress.ranked(name).set_index("person")
    return {
        one: {
            "person": asked[one].person,
            "received": asked[one].events[0].time,
            "due": asked[one].due,
            **_rank(ranks, unit),
        }
        for one, unit in sorted(units.items())
    }


def _rank(ranks: Any, unit: str) -> dict[str, Any]:
    """Of a person among the never-seen; none where no picture of theirs was there to learn."""
    if unit not in ranks.index:
        return {"rank": None, "detected": None}
    return {"rank": float(ranks.loc[unit, "rank"]), "detected": bool(ranks.loc[unit, "detected"])}
