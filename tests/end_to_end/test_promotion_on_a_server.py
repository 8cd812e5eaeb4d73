"""Promotion through a tracking server: what it reads, hashes and writes there is what it is on a local disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import registry_checkout as tiny
from servers import free_port, running

from pipeline.certificates import files
from pipeline.errors import RegistryError
from pipeline.learning import models
from pipeline.registry import promotion, service_record, versions
from pipeline.serving import served_model
from pipeline.settings import RegisterSettings

pytestmark = pytest.mark.end_to_end
GATE = RegisterSettings()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a server keeps the artifacts; the working folder is a checkout that logs to it."""
    for name in ("DVC_ROOT", "DLFD_TRACKING", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(models, "load", tiny.load)
    monkeypatch.setattr(served_model, "log", tiny.log)
    (checkout := tmp_path / "checkout").mkdir()
    monkeypatch.chdir(checkout)
    tiny.make(checkout)
    artifacts = tmp_path / "artifacts"
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = ["server", "--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}", "--workers", "1"]
    command += ["--artifacts-destination", str(artifacts), "--host", "127.0.0.1", "--port", str(port)]
    with running(command, tmp_path / "server.log", f"{address}/health", seconds=240):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        yield artifacts


def promote(number: int) -> promotion.Done:
    def certify(plan: promotion.Plan) -> None:
        files.issue(plan.name, plan.version.number, None, plan.entry)

    return promotion.carry_out(promotion.plan_promotion("faces", number, GATE), certify)


def test_promote_refuse_and_roll_back(server: Path) -> None:
    for nomus in (0.7, 0.8, 0.9):
        tiny.train("faces", "", nomus=nomus)
    assert promote(1).change == versions.Change(None, 1)
    assert promote(3).change == versions.Change(1, 3)
    assert files.paths("faces", 3)[1].exists()
    weights = versions.every("faces")[1].tags["weights_sha256"]
    (second,) = [path for path in server.rglob("model.pt2") if weights in path.read_text()]
    second.write_text("weights of somebody else")
    with pytest.raises(RegistryError, match=r"model\.pt2 has changed"):
        promote(2)
    second.unlink()
    plan = promotion.plan_rollback("faces")
    assert (plan.version.number, plan.skipped) == (
        1,
        {2: ["its files in MLflow are not those that were registered: model.pt2 is missing"]},
    )
    for document in second.parent.rglob("evidence/*.json"):
        document.unlink()
    assert "MLflow no longer has its file evidence/" in promotion.plan_rollback("faces").skipped[2][0]
    assert [one.after for one in service_record.read("faces")] == [1, 3]
