"""The REST interface: who may, what comes back, and what a failure looks like."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId, ProjectId
from server import keys
from server.auth.actor import SYSTEM
from tests.support.service import PASSWORD, PNG_PIXEL, Service, got, made, running_service

STUDIO = {"name": "Night Bus", "governance": "studio", "quality": "low", "structure": "story-circle"}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def ana(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ana", "editor")


async def error_of(reply: aiohttp.ClientResponse) -> dict[str, str]:
    body: Any = await reply.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "traceId"}
    return body["error"]


async def test_health_needs_no_one_and_says_what_is_missing(service: Service) -> None:
    health = await got(service.session(), "/healthz")
    assert health["status"] == "ok"
    assert health["farm"] == {"ok": False, "redis": "unreachable"}
    assert set(health["git_lfs"]) == {"ok", "message"}
    assert health["store"] == {"ok": True, "failing_projects": 0}
    assert health["disk"]["free_bytes"] > 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/me"),
        ("GET", "/api/projects"),
        ("POST", "/api/projects"),
        ("GET", "/api/projects/x"),
        ("GET", "/api/v1/projects"),
        ("GET", "/api/pipelines"),
        ("POST", "/api/tasks/submit"),
        ("GET", "/api/tasks/x/status"),
        ("GET", "/api/quality/mappings"),
        ("PUT", "/api/farm/blobs/x/" + "0" * 64),
        ("GET", "/auth/socket-token"),
    ],
)
async def test_a_stranger_is_asked_to_sign_in(service: Service, method: str, path: str) -> None:
    async with service.session().request(method, path) as reply:
        assert reply.status == 401
        assert (await error_of(reply))["code"] == "unauthorised"


@pytest.mark.usefixtures("ana")
async def test_a_token_comes_for_a_password_as_json_or_as_a_form(service: Service) -> None:
    session = service.session()
    form = aiohttp.FormData({"username": "ana", "password": PASSWORD})
    for reply in (
        await session.post("/auth/token", json={"username": "Ana", "password": PASSWORD}),
        await session.post("/auth/token", data=form),
    ):
        granted = await reply.json()
        assert granted["token_type"] == "bearer"
        headers = {"Authorization": f"Bearer {granted['access_token']}"}
        async with session.get("/api/me", headers=headers) as me:
            assert (await me.json())["name"] == "Ana"
    async with session.post("/auth/token", json={"username": "Ana", "password": "wrong"}) as reply:
        assert reply.status == 401


async def test_a_browser_signs_in_by_cookie_and_out_again(service: Service, ana: aiohttp.ClientSession) -> None:
    assert not ana.closed
    browser = aiohttp.ClientSession(service.server.make_url("/"), cookie_jar=aiohttp.CookieJar(unsafe=True))
    async with browser:
        async with browser.post("/auth/login", json={"username": "Ana", "password": PASSWORD}) as reply:
            assert reply.status == 200
            cookie = reply.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
        assert (await got(browser, "/api/me"))["name"] == "Ana"
        assert (await got(browser, "/auth/socket-token"))["token"]
        await made(browser, "/auth/logout", {}, 200)
        await got(browser, "/api/me", 401)


async def test_another_site_cannot_use_a_signed_in_browser(service: Service, ana: aiohttp.ClientSession) -> None:
    async with ana.post("/api/projects", json=STUDIO, headers={"Origin": "https://elsewhere.example"}) as reply:
        assert reply.status == 403
    own = str(service.server.make_url("/")).rstrip("/")
    async with ana.post("/api/projects", json=STUDIO, headers={"Origin": own}) as reply:
        assert reply.status == 201


async def test_a_project_is_made_listed_and_opened(ana: aiohttp.ClientSession) -> None:
    project = await made(ana, "/api/projects", {**STUDIO, "description": "A night in four stops."})
    assert project["name"] == "Night Bus"
    (card,) = await got(ana, "/api/v1/projects")
    assert {"id": project["id"], "name": "Night Bus", "role": "owner", "shots": 0, "takes": 0}.items() <= card.items()
    opened = await got(ana, f"/api/projects/{project['id']}")
    assert opened["graph"] == {"schema": "canvas.1", "nodes": {}, "edges": {}}
    bare = await got(ana, f"/api/projects/{project['id']}?graph=0")
    assert bare == {name: value for name, value in opened.items() if name != "graph"}
    assert opened["manifest"]["project_settings"]["quality"] == "low"
    assert opened["manifest"]["narrative"]["structure"] == "story-circle"
    assert opened["manifest"]["narrative"]["chapters"]


async def test_the_contract_gate_holds_until_the_brief_is_complete(ana: aiohttp.ClientSession) -> None:
    address = f"/api/projects/{(await made(ana, '/api/projects', STUDIO))['id']}"
    (gate,) = (await got(ana, address))["gates"]
    assert (gate["holds"], gate["message"]) == (False, "Complete Project Brief before generating")
    for i in range(3):
        form = aiohttp.FormData()
        form.add_field("files", PNG_PIXEL + bytes([i]), filename=f"ref {i}.png", content_type="image/png")
        async with ana.post(address + "/references", data=form) as reply:
            assert reply.status == 201, await reply.text()
            assert len((await reply.json())["referencePack"]) == i + 1
    async with ana.patch(address, json={"creativeContract": {"budgetCap": 0}}) as reply:
        assert (await reply.json())["gates"][0]["holds"] is True


async def test_a_project_of_which_only_the_name_was_given_says_what_it_needs_everywhere_alike(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    project = (await made(ana, "/api/projects", {"name": "Night Bus"}))["id"]
    address = f"/api/projects/{project}"
    async with service.app[keys.HUB].room(ProjectId(project), "canvas") as room:
        room.edit(SYSTEM, lambda doc: Canvas(doc).add_node(NodeId("shot-1"), "shot", {"x": 0, "y": 0}))
    (gate,) = (await got(ana, address))["gates"]
    assert gate["who_can_lift"] == "an editor, by setting a budget cap"
    words = "Complete Project Brief before generating. Can be lifted by an editor, by setting a budget cap."
    assert (await got(ana, f"{address}/estimate?node=shot-1"))["reason"] == words
    task = (await made(ana, "/api/tasks/submit", {"project_id": project, "node_id": "shot-1"}, 202))["task_id"]
    async with asyncio.timeout(60):
        while (answer := await got(ana, f"/api/tasks/{task}/status"))["status"] == "pending":  # noqa: ASYNC110 - a poll is what a program has
            await asyncio.sleep(0.02)
    assert (answer["status"], answer["reason"]) == ("error", words)
    async with ana.patch(address, json={"creativeContract": {"budgetCap": 5}}) as reply:
        assert (await reply.json())["gates"][0] == {
            "name": "contract",
            "holds": True,
            "message": "",
            "who_can_lift": "",
        }
    assert (await got(ana, f"{address}/estimate?node=shot-1"))["reason"] == "Join a Pipeline to this shot first."


async def test_a_reference_comes_back_byte_for_byte_and_cannot_be_run(ana: aiohttp.ClientSession) -> None:
    address = f"/api/projects/{(await made(ana, '/api/projects', STUDIO))['id']}"
    form = aiohttp.FormData()
    form.add_field("files", PNG_PIXEL, filename="../../evil.html", content_type="text/html")
    async with ana.post(address + "/references", data=form) as reply:
        (blob,) = (await reply.json())["referencePack"]
    async with ana.get(f"{address}/media/{blob}") as reply:
        assert await reply.read() == PNG_PIXEL
        assert reply.headers["Content-Type"] == "image/png"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in reply.headers["Cache-Control"]
    async with ana.get(f"{address}/media/{blob}", headers={"Range": "bytes=1-3"}) as reply:
        assert (reply.status, await reply.read()) == (206, b"PNG")
    other = f"/api/projects/{(await made(ana, '/api/projects', {'name': 'Other'}))['id']}"
    await got(ana, f"{other}/media/{blob}", 404)


async def test_what_is_no_picture_is_refused_and_leaves_nothing(ana: aiohttp.ClientSession) -> None:
    address = f"/api/projects/{(await made(ana, '/api/projects', STUDIO))['id']}"
    form = aiohttp.FormData()
    form.add_field("files", b"<script>alert(1)</script>", filename="a.png", content_type="image/png")
    async with ana.post(address + "/references", data=form) as reply:
        assert reply.status == 400
        assert "a.png" in (await error_of(reply))["message"]
    assert (await got(ana, address))["manifest"]["creative_contract"]["referencePack"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"name": ""}',
        b'{"name": 5}',
        b'{"name": "x", "quality": "ultra"}',
        b'{"name": "x", "governance": "anarchy"}',
        b'{"name": "x", "creativeContract": {"budgetCap": -1}}',
        b'{"name": "x", "creativeContract": {"budgetCap": "much"}}',
        b'{"name": "x", "creativeContract": []}',
        b'{"name": "' + b"x" * 500 + b'"}',
        b"\xff\xfe",
    ],
)
async def test_rubbish_is_refused_with_a_reason(ana: aiohttp.ClientSession, body: bytes) -> None:
    async with ana.post("/api/projects", data=body, headers={"Content-Type": "application/json"}) as reply:
        assert reply.status == 400
        assert (await error_of(reply))["message"]
    assert await got(ana, "/api/projects") == []


async def test_a_studio_project_never_becomes_a_sketch(ana: aiohttp.ClientSession) -> None:
    address = f"/api/projects/{(await made(ana, '/api/projects', {'name': 'S', 'governance': 'sketch'}))['id']}"
    async with ana.patch(address, json={"governance": "studio"}) as reply:
        assert reply.status == 200
    async with ana.patch(address, json={"governance": "sketch"}) as reply:
        assert reply.status == 400


async def test_a_viewer_may_look_and_nothing_else(service: Service, ana: aiohttp.ClientSession) -> None:
    address = f"/api/projects/{(await made(ana, '/api/projects', STUDIO))['id']}"
    vera = await service.sign_in("Vera", "viewer")
    assert (await got(vera, address))["role"] == "viewer"
    await made(vera, "/api/projects", STUDIO, 403)
    await made(vera, address + "/snapshots", {}, 403)
    async with vera.patch(address, json={"name": "Mine"}) as reply:
        assert reply.status == 403
        assert "editor" in (await error_of(reply))["message"]


async def test_a_task_needs_a_shot_that_is_there(ana: aiohttp.ClientSession) -> None:
    project = (await made(ana, "/api/projects", {**STUDIO, "governance": "sketch"}))["id"]
    await made(ana, "/api/tasks/submit", {"project_id": project, "node_id": "nothing"}, 404)
    await made(ana, "/api/tasks/submit", {"project_id": "nothing", "node_id": "x"}, 404)
    await got(ana, "/api/tasks/unknown/status", 404)


async def test_a_task_is_an_intent_that_waits_while_the_farm_is_away(
    ana: aiohttp.ClientSession, service: Service
) -> None:
    project = (await made(ana, "/api/projects", {"name": "S", "governance": "sketch"}))["id"]
    async with service.app[keys.HUB].room(ProjectId(project), "canvas") as room:
        room.edit(SYSTEM, lambda doc: Canvas(doc).add_node(NodeId("shot-1"), "shot", {"x": 0, "y": 0}))
    task = await made(
        ana, "/api/v1/tasks/generate_shot", {"node_data": {"project_id": project, "node_id": "shot-1"}}, 202
    )
    status = await got(ana, f"/api/tasks/{task['task_id']}/status")
    assert status["status"] in {"pending", "error"}
    assert status["task_id"] == task["task_id"]


async def test_quality_mappings_name_a_pipeline_for_every_tier(ana: aiohttp.ClientSession) -> None:
    mappings = await got(ana, "/api/quality/mappings")
    assert set(mappings["generate-image"]) == {"low", "standard", "high"}


async def test_pipelines_say_where_they_run_and_what_they_need(ana: aiohttp.ClientSession) -> None:
    pipelines = {pipeline["id"]: pipeline for pipeline in await got(ana, "/api/pipelines")}
    assert all(tier["available"] for tier in pipelines["previz-image"]["tiers"].values())
    assert all(tier["needs"] for tier in pipelines["t2i-sd1.5"]["tiers"].values())


async def test_snapshots_are_commits_with_names(ana: aiohttp.ClientSession) -> None:
    address = f"/api/projects/{(await made(ana, '/api/projects', STUDIO))['id']}"
    named = await made(ana, address + "/snapshots", {"name": "First cut"})
    assert named["name"] == "First cut"
    history = await got(ana, address + "/history")
    assert set(history["entries"][0]) >= {"commit", "message", "author", "at"}
    assert (await got(ana, address + "/git/status"))["branch"] == "main"


async def test_no_reply_names_a_path_of_the_server(ana: aiohttp.ClientSession, tmp_path: Path) -> None:
    address = f"/api/projects/{(await made(ana, '/api/projects', STUDIO))['id']}"
    for path in (
        "/healthz",
        "/metrics",
        "/api/projects",
        address,
        address + "/history",
        address + "/git/status",
        "/api/nothing",
        "/api/projects/..%2f..%2fetc",
    ):
        async with ana.get(path) as reply:
            assert str(tmp_path) not in await reply.text()


async def test_a_template_dropped_into_the_library_can_be_chosen_and_a_broken_one_is_told_to_admins(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    boss = await service.sign_in("Bo", "admin")
    folder = service.app[keys.CONFIG].workspace_root / "Library" / "Pipeline_Templates"
    definition = Path(__file__).parents[2] / "pipelines" / "definitions" / "flexiact.toml"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.toml").write_text(definition.read_text())
    (folder / "broken.toml").write_text(definition.read_text().replace('"Video"', '"Film"'))
    service.app[keys.CATALOGUE].clock = lambda: float("inf")
    pipelines = {pipeline["id"]: pipeline for pipeline in await got(ana, "/api/pipelines")}
    assert [socket["types"] for socket in pipelines["flexiact"]["inputs"]] == [["Image"], ["Video", "ControlMap"]]
    assert not pipelines["flexiact"]["tiers"]["high"]["available"]
    (problem,) = await got(boss, "/api/pipelines/problems")
    await got(ana, "/api/pipelines/problems", 403)
    assert problem["file"] == "broken.toml"
    assert "'Film' is no socket type" in problem["message"]
    assert "flexiact" in service.app[keys.PIPELINES]
