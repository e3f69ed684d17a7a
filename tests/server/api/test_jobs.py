"""One job over REST: whoever may look at the project sees what became of it; others learn nothing of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crdt_schema.ids import IntentId, ProjectId
from crdt_schema.takes import Takes
from server import keys
from server.auth.actor import SYSTEM
from server.intents import verdicts
from server.intents.verdicts import Asked
from tests.support.service import Service, got, made, running_service


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


async def test_viewers_see_a_job_in_its_own_project_and_nowhere_else(service: Service) -> None:
    ana, vera = await service.sign_in("Ana", "editor"), await service.sign_in("Vera", "viewer")
    bus, tram = [(await made(ana, "/api/projects", {"name": name}))["id"] for name in ("Bus", "Tram")]
    record = verdicts.withdrawn(Asked("shot-1", SYSTEM, "2026-01-02T03:04:05Z"))
    async with service.app[keys.HUB].room(ProjectId(bus), "takes") as room:
        room.edit(SYSTEM, lambda doc: Takes(doc).add_job(IntentId("intent-1"), record))

    found = await got(vera, f"/api/projects/{bus}/jobs/intent-1")
    assert (found["node"], found["status"], found["attempts"]) == ("shot-1", "cancelled", [])
    await got(vera, f"/api/projects/{tram}/jobs/intent-1", status=404)
    await got(vera, f"/api/projects/{bus}/jobs/intent-2", status=404)


async def test_strangers_see_no_job(service: Service) -> None:
    async with service.session().get("/api/projects/p/jobs/intent-1") as answer:
        assert answer.status == 401
