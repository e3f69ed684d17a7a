"""Forks travel with a project that is copied or exported, and are merged there as they would have been at home."""

import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Map

from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId, ProjectId
from server import keys
from server.auth.actor import SYSTEM
from tests.support.git import git
from tests.support.service import PNG_PIXEL, Service, got, made, running_service
from tests.support.workspace import ADA, Workspace


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path / "one", WORKPRINT_SNAPSHOT_QUIET_SECONDS="60") as running:
        yield running


@pytest.fixture
async def ana(service: Service) -> aiohttp.ClientSession:
    return await service.sign_in("Ana", "editor")


async def film(service: Service, ana: aiohttp.ClientSession) -> ProjectId:
    """A shot with a take; the fork dusk has other words and one shot more, and the canvas went on as well."""
    project = ProjectId((await made(ana, "/api/projects", {"name": "Night Bus"}))["id"])
    app = service.app
    workspace = Workspace(app[keys.PROJECTS], app[keys.HUB], app[keys.SNAPSHOTTER])
    await workspace.add_shot(project, "shot-1", "Door", by=SYSTEM)
    await workspace.type(project, "shot-1", "Rain.", by=ADA)
    await workspace.make_take(app[keys.PROJECTS].get(project), "shot-1", PNG_PIXEL)
    for name in ("dusk", "gone"):
        await made(ana, f"/api/projects/{project}/forks", {"name": name})
    async with ana.delete(f"/api/projects/{project}/forks/gone") as reply:
        assert reply.status == 200
    async with app[keys.HUB].room(project, "fork/dusk") as room:
        room.edit(ADA, try_something)
        await room.saved()
    async with app[keys.HUB].room(project, "canvas") as room:
        room.edit(ADA, lambda doc: Canvas(doc).set_field("shot-1", "title", "Back door"))
        await room.saved()
    return project


def try_something(doc: Doc[Any]) -> None:
    canvas = Canvas(doc)
    words = canvas.text("shot-1", "prompt")
    words += " At dusk."
    canvas.set_field("shot-1", "active_take", "shot-1-take-1")
    canvas.add_node(NodeId("shot-2"), "shot", {"x": 9, "y": 0}, title="Alley", shot=2)


def begin_anew(doc: Doc[Any]) -> None:
    meta: Map[Any] = doc.get("meta", type=Map)
    meta["epoch"] = "another"


async def canvas_of(service: Service, project: str) -> dict[str, Any]:
    async with service.app[keys.HUB].room(ProjectId(project), "canvas") as room:
        return dict(Canvas(room.doc).nodes())


async def exported(ana: aiohttp.ClientSession, project: str) -> bytes:
    async with ana.get(f"/api/projects/{project}/bundle") as reply:
        assert reply.status == 200
        return await reply.read()


async def imported(session: aiohttp.ClientSession, data: bytes) -> Any:
    headers = {"Content-Type": "application/octet-stream"}
    async with session.post("/api/projects/import", data=io.BytesIO(data), headers=headers) as reply:
        text = await reply.text()
        assert reply.status == 201, text
        return json.loads(text)


def tarred(folder: Path) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as bundle:
        bundle.add(folder, "clone")
    return data.getvalue()


async def assert_merges(service: Service, session: aiohttp.ClientSession, project: str) -> dict[str, Any]:
    """The fork is there, changes what it changed at home, and keeps what is edited on the canvas meanwhile."""
    [fork] = (await got(session, f"/api/projects/{project}/forks"))["forks"]
    assert (fork["name"], fork["by"]["name"], fork["ahead"]) == ("dusk", "Ana", 2)
    async with service.app[keys.HUB].room(ProjectId(project), "canvas") as room:
        room.edit(ADA, lambda doc: Canvas(doc).text("shot-1", "prompt").insert(0, "Wet. "))
    done = await made(session, f"/api/projects/{project}/forks/dusk/merge", {}, 200)
    assert (done["merged"], done["refused"]) == (2, [])
    nodes = await canvas_of(service, project)
    assert nodes["shot-1"]["prompt"] == "Wet. Rain. At dusk."
    assert nodes["shot-1"]["title"] == "Back door"
    assert nodes["shot-2"]["title"] == "Alley"
    return nodes


async def test_a_fork_comes_along_into_a_duplicate_and_is_merged_there(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    project = await film(service, ana)
    copy = (await made(ana, f"/api/projects/{project}/duplicate", {"name": "Other End"}))["id"]
    nodes = await assert_merges(service, ana, copy)
    assert nodes["shot-1"]["active_take"] == "shot-1-take-1"
    # The original has its fork still, and nothing of the copy's merge.
    assert (await canvas_of(service, project))["shot-1"]["prompt"] == "Rain."
    await assert_merges(service, ana, project)


async def test_the_fork_of_a_duplicate_without_takes_speaks_of_none(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    project = await film(service, ana)
    copy = (await made(ana, f"/api/projects/{project}/duplicate", {"name": "Fresh", "takes": False}))["id"]
    nodes = await assert_merges(service, ana, copy)
    assert nodes["shot-1"]["active_take"] == ""


async def test_the_name_of_a_deleted_fork_is_free_in_a_duplicate(service: Service, ana: aiohttp.ClientSession) -> None:
    project = await film(service, ana)
    copy = (await made(ana, f"/api/projects/{project}/duplicate", {"name": "Other End"}))["id"]
    await made(ana, f"/api/projects/{project}/forks", {"name": "gone"}, 409)
    await made(ana, f"/api/projects/{copy}/forks", {"name": "gone"})


async def test_a_fork_travels_in_a_bundle_and_is_merged_in_another_studio(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    project = await film(service, ana)
    data = await exported(ana, project)
    async with running_service(tmp_path / "two") as other:
        bo = await other.sign_in("Bo", "editor")
        answer = await imported(bo, data)
        assert answer["problems"] == []
        await assert_merges(other, bo, answer["id"])


async def test_a_fork_that_could_not_be_merged_at_home_stays_behind_and_is_named(
    service: Service, ana: aiohttp.ClientSession
) -> None:
    project = await film(service, ana)
    async with service.app[keys.HUB].room(project, "fork/dusk") as room:
        room.edit(SYSTEM, begin_anew)
        await room.saved()
    answer = await imported(ana, await exported(ana, project))
    assert [each for each in answer["problems"] if "The fork dusk was left out" in each]
    assert (await got(ana, f"/api/projects/{answer['id']}/forks"))["forks"] == []


async def test_a_plain_clone_brings_no_forks_and_says_so(
    service: Service, ana: aiohttp.ClientSession, tmp_path: Path
) -> None:
    project = await film(service, ana)
    await service.app[keys.SNAPSHOTTER].snapshot_now(project)
    git(tmp_path, "clone", "-q", str(service.app[keys.PROJECTS].get(project).folder), "clone")
    answer = await imported(ana, tarred(tmp_path / "clone"))
    assert answer["rebuilt"]
    assert [each for each in answer["problems"] if "The fork dusk was left out" in each]
    assert (await got(ana, f"/api/projects/{answer['id']}/forks"))["forks"] == []
    await made(ana, f"/api/projects/{answer['id']}/forks", {"name": "dusk"})
