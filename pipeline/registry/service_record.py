"""The record of who was put into service: one tag of the registered model for each change, never removed.

An entry is written before the champion's alias moves and marked as finished when all that follows is done, so that a
change that was killed half-way is known, with its reason, and completed by doing it again.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace

from pipeline.erasure import ledger
from pipeline.registry import versions
from pipeline.tracking import tracking_store
from pipeline.tracking.tracking_store import Store

PREFIX = "service."
OURS = re.compile(rf"{re.escape(PREFIX)}\d{{6,}}\.")  # whoever runs the server may have others, such as service.owner
PROMOTE, ROLLBACK = "promote", "rollback"


@dataclass(frozen=True)
class Entry:
    """A change of the champion.

    Attributes:
        action: promote or rollback.
        before: champion until then; None: there was none.
        after: champion from then on.
        forced: why it was done against `overruled`; empty where nothing spoke against it.
        overruled: what spoke against it.
        time: in UTC.
        finished: whether ledger and certificate followed.
        number: of the entry, from 1; what orders them, whatever the clock says.
    """

    action: str
    before: int | None
    after: int
    forced: str = ""
    overruled: list[str] = field(default_factory=list)
    time: str = field(default_factory=ledger.now)
    finished: bool = False
    number: int = 1


def read(name: str, store: Store | None = None) -> list[Entry]:
    """All entries of a registered model, oldest first; none where it does not exist.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    store = store or tracking_store.connect()

    def work() -> list[Entry]:
        tags = store.client.get_registered_model(name).tags if versions.every(name, store) else {}
        return sorted(
            (Entry(**json.loads(told)) for key, told in tags.items() if OURS.match(key)),
            key=lambda entry: (entry.number, entry.time),
        )

    return store.call(work)


def write(name: str, entry: Entry, store: Store) -> None:
    """Write an entry, or what became of it: it is known by its number and time.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    told = json.dumps(asdict(entry), ensure_ascii=False)
    key = f"{PREFIX}{entry.number:06d}.{entry.time.replace(':', '')}"
    store.call(lambda: store.client.set_registered_model_tag(name, key, told))


def finish(name: str, entry: Entry, store: Store) -> Entry:
    """Mark an entry as finished.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    done = replace(entry, finished=True)
    write(name, done, store)
    return done
