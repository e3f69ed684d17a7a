"""A project in the trash: closed for everybody with a reason, whole on disk, put back or erased on purpose."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId, ProjectId
from server import keys
from server.auth.actor import SYSTEM
from tests.support.git import assert_healthy, git, is_clean
from tests.support.service import Service, got, made, running_service
from tests.support.wire import end_of, page


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path, WORKPRINT_SNAPSHOT_QUIET_SECONDS="60") as running:
        yield running


@pytest.fixture
async def ana(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ana", "editor")


async def film(service: Service, session: aiohttp.ClientSession, name: str = "Night Bus") -> ProjectId:
    """A project with one shot on its canvas, which is not committed yet."""
    project = ProjectId((await made(session, "/api/projects", {"name": name}))["id"])
    async with service.app[keys.HUB].room(project, "canvas") as room:
        room.edit(SYSTEM, lambda doc: Canvas(doc).add_node(NodeId("shot-1"), "shot", {"x": 0, "y": 0}, title="Door"))
    return project


async def throw_away(session: aiohttp.ClientSession, project: str, status: int = 200, **body: str) -> None:
    async with session.delete(f"/api/projects/{project}", json=body) as reply:
        assert reply.status == status, await reply.text()


def folders(service: Service) -> tuple[set[str], set[str]]:
    """Names of the project folders, and of those in the trash."""
    place = service.app[keys.PROJECTS].folder
    shown = {folder.name for folder in place.iterdir() if not folder.name.startswith(".")}
    return shown, {folder.name for folder in (place / ".trash").iterdir()}


async def test_who_has_it_open_is_told_why_it_closes(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    async with page(service, "Ana", project, "canvas") as one, page(service, "Ana", project, "takes") as other:
        await throw_away(ana, project, reason="We start over")
        for socket in (one, other):
            assert await end_of(socket) == (4404, "Ana moved the project Night Bus to the trash.")
    assert service.app[keys.HUB].rooms() == []
    await got(ana, f"/api/projects/{project}", 404)
    assert await got(ana, "/api/projects") == []


async def test_what_was_not_committed_yet_is_committed_first(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    await throw_away(ana, project)
    assert folders(service) == (set(), {"Night_Bus"})
    folder = service.app[keys.PROJECTS].folder / ".trash" / "Night_Bus"
    assert "Door" in git(folder, "show", "HEAD:02_Source_Creative/Canvases/main_canvas.json")
    assert is_clean(folder)
    assert_healthy(folder)


async def test_it_comes_back_with_everything(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    await throw_away(ana, project, reason="By mistake")
    (card,) = await got(ana, "/api/trash")
    assert {"id": project, "name": "Night Bus", "reason": "By mistake"}.items() <= card.items()
    assert card["by"]["name"] == "Ana"
    assert await made(ana, f"/api/trash/{project}/restore", {}, 200) == {"id": project, "name": "Night Bus"}
    opened = await got(ana, f"/api/projects/{project}")
    assert opened["role"] == "owner"
    assert opened["graph"]["nodes"]["shot-1"]["title"] == "Door"
    assert await got(ana, "/api/trash") == []
    assert folders(service) == ({"Night_Bus"}, set())
    audit = [entry["action"] for entry in (await got(ana, f"/api/projects/{project}/audit"))["entries"]]
    assert audit == ["project_restored", "project_deleted"]


async def test_it_comes_back_beside_a_new_project_of_its_name(service: Service, ana: aiohttp.ClientSession) -> None:
    first = await film(service, ana)
    await throw_away(ana, first)
    second = await film(service, ana)
    await throw_away(ana, second)
    assert folders(service) == (set(), {"Night_Bus", "Night_Bus_2"})
    third = await film(service, ana)
    for project in (second, first):
        await made(ana, f"/api/trash/{project}/restore", {}, 200)
    assert {card["id"] for card in await got(ana, "/api/projects")} == {first, second, third}
    assert folders(service) == ({"Night_Bus", "Night_Bus_2", "Night_Bus_3"}, set())


async def test_it_is_erased_only_by_its_title(service: Service, ana: aiohttp.ClientSession, tmp_path: Path) -> None:
    project = await film(service, ana)
    kept = tmp_path / "Library" / "Assets" / "promoted.png"
    kept.write_bytes(b"a shared asset")
    await throw_away(ana, project)
    for body, status in (({}, 400), ({"title": "Night"}, 400), ({"title": "Night Bus"}, 200)):
        async with ana.delete(f"/api/trash/{project}", json=body) as reply:
            assert reply.status == status, await reply.text()
    assert folders(service) == (set(), set())
    assert kept.read_bytes() == b"a shared asset"
    await made(ana, f"/api/trash/{project}/restore", {}, 404)
    assert not await service.app[keys.PEOPLE].members.manages_any(await service.app[keys.PEOPLE].named("Ana"))


async def test_only_the_owner_throws_away_and_puts_back(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    bo = await service.sign_in("Bo", "admin")
    await throw_away(bo, project, 403)
    await throw_away(ana, project)
    assert await got(bo, "/api/trash") == []
    await made(bo, f"/api/trash/{project}/restore", {}, 403)
    async with bo.delete(f"/api/trash/{project}", json={"title": "Night Bus"}) as reply:
        assert reply.status == 403
    assert folders(service) == (set(), {"Night_Bus"})


async def test_a_project_that_cannot_be_moved_stays_and_opens_again(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    project = await film(service, ana)
    # Whoever runs the studio has put something else where the trash belongs.
    (tmp_path / "Projects" / ".trash").write_text("not a folder")
    await throw_away(ana, project, 500)
    assert (await got(ana, f"/api/projects/{project}"))["graph"]["nodes"]["shot-1"]["title"] == "Door"


async def test_what_was_half_erased_is_gone_after_the_next_start(tmp_path: Path) -> None:
    left = tmp_path / "Projects" / ".trash" / ".gone-1"
    left.mkdir(parents=True)
    (left / "project.json").write_text("{}")
    async with running_service(tmp_path):
        assert not left.exists()


async def test_of_two_clicks_one_counts_and_the_other_is_told_so(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)

    async def answer(method: str, path: str, body: object = None) -> tuple[int, str]:
        async with ana.request(method, path, json=body) as reply:
            return reply.status, str(await reply.json())

    async def at_once(method: str, path: str, body: object = None) -> list[tuple[int, str]]:
        return sorted(await asyncio.gather(*(answer(method, path, body) for _ in range(4))))

    path = f"/api/projects/{project}"
    first, *others = await at_once("DELETE", path, {})
    assert first[0] == 200
    assert all(status in {404, 409} for status, _ in others), others
    first, *others = await at_once("POST", f"/api/trash/{project}/restore")
    assert first[0] == 200
    assert all(status == 404 and "put back" in said for status, said in others), others
    copies = await at_once("POST", f"{path}/duplicate", {"name": "Twin"})
    assert [status for status, _ in copies] == [201] * 4
    assert len({said for _, said in copies}) == 4
    async with ana.get(f"{path}/bundle") as reply:
        bundle = await reply.read()
    await throw_away(ana, project)
    first, *others = await at_once("DELETE", f"/api/trash/{project}", {"title": "Night Bus"})
    assert first[0] == 200
    assert all(status == 404 for status, _ in others), others

    async def bring() -> str:
        async with ana.post("/api/projects/import", data=io.BytesIO(bundle)) as reply:
            assert reply.status == 201, await reply.text()
            return (await reply.json())["id"]

    assert len({await each for each in [asyncio.create_task(bring()) for _ in range(3)]}) == 3
    shown, _ = folders(service)
    assert shown == {"Twin", "Twin_2", "Twin_3", "Twin_4", "Night_Bus", "Night_Bus_2", "Night_Bus_3"}
