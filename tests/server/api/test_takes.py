"""The files of takes over REST: an editor has them compared; nobody learns where they lie."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from crdt_schema.ids import ProjectId
from server import keys
from server.projects.index import Project
from tests.support.farm import eventually
from tests.support.service import PNG_PIXEL, Service, made, running_service
from tests.support.workspace import Workspace


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


async def film(service: Service) -> tuple[Project, Path]:
    """A project with a take, and its file."""
    ana = await service.sign_in("Ana", "editor")
    app = service.app
    project_id = ProjectId((await made(ana, "/api/projects", {"name": "Night Bus"}))["id"])
    project = app[keys.PROJECTS].get(project_id)
    workspace = Workspace(app[keys.PROJECTS], app[keys.HUB], app[keys.SNAPSHOTTER])
    await workspace.make_take(project, "shot-1", PNG_PIXEL)
    return project, project.folder / "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01.png"


async def test_an_editor_has_the_takes_compared_and_viewers_may_not(service: Service) -> None:
    project, file = await film(service)
    bo, vera = await service.sign_in("Bo", "editor"), await service.sign_in("Vera", "viewer")
    address = f"/api/projects/{project.id}/takes/reconcile"
    file.unlink()
    file.with_name("SHOT-010_v01_take02.mp4").write_bytes(b"film")
    (said, text) = await reply(bo, address)
    numbers = {"chapter": 1, "scene": 1}
    assert said == {
        "restored": [
            {"id": "shot-1-take-1", "name": "S01_S01_take01.png", **numbers, "shot": 1, "take": 1},
        ],
        "vanished": [],
        "unknown": [{"id": None, "name": "SHOT-010_v01_take02.mp4", **numbers, "shot": 10, "take": 2}],
        "damaged": [],
    }
    assert "03_Renders" not in text
    assert file.read_bytes() == PNG_PIXEL
    await made(vera, address, {}, status=403)


async def reply(session: aiohttp.ClientSession, address: str) -> tuple[object, str]:
    async with session.post(address) as answer:
        assert answer.status == 200
        return await answer.json(), await answer.text()


async def test_a_file_that_vanished_is_back_after_the_next_start(tmp_path: Path) -> None:
    async with running_service(tmp_path) as first:
        _, file = await film(first)
    file.unlink()
    async with running_service(tmp_path):
        await eventually(file.exists)
        assert file.read_bytes() == PNG_PIXEL
